--- The admin token: ADMIN_TOKEN, as long as it is not one that can be guessed.
local config = require "core.config"
local log = require "core.log"
local shared = require "core.shared"
local crypto = require "core.crypto"
local settings = require "lib.settings"
local admin_token = {}

local LOG_SECONDS = 3600 -- between two lines about a token that is too short

--- The token; nil when none is set. A file may have been given a short one since the start, which
--- settings.check refuses: nothing counts then, and not the token before it either.
---@return string|nil
function admin_token.get()
  local text = config.secret "ADMIN_TOKEN"
  if not text or text == "" then return nil end
  local fault = settings.token_fault(config, text)
  if not fault then return text end
  if shared.add("admin_token.logged", true, LOG_SECONDS) then
    log.warn("admin.token_refused", { message = "ADMIN_TOKEN " .. fault })
  end
end

--- Whether a text is the token.
---@param text string
---@return boolean
function admin_token.is(text)
  local token = admin_token.get()
  return token ~= nil and crypto.equal(text, token)
end

return admin_token
