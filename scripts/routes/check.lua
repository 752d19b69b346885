--- GET /api/check/:name: may this name be taken? Answered without waiting; a bad name is an answer too, not an error.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local names = require "lib.base.names"
local reservations = require "lib.journal.reservations"
local i18n = require "lib.pages.i18n"
local policy = require "policy.names"

local limits = { min = names.min, max = names.max }
local reserved = policy.set(config.reserved_names)

local function is_free(name) return reservations.get(name) == nil end

local function refusal(req, typed, name, code, reason)
  local language = i18n.from(req)
  local key = reason and ("name.invalid." .. reason) or ("problem." .. code .. ".detail")
  return {
    json = {
      name = name,
      valid = code == "name_taken",
      available = false,
      code = code,
      detail = i18n.text(language, key, { name = name, min = limits.min, max = limits.max }),
      suggestions = json.array(policy.suggest(typed, reserved, is_free)),
    },
    headers = { Vary = "Accept-Language", ["Content-Language"] = language },
  }
end

server.route("GET", "/api/check/:name", function(req)
  local typed = req.params.name
  local name = names.fold(typed)
  local ok, code, reason = policy.check(name, reserved)
  if not ok then return refusal(req, typed, name, code, reason) end
  if not is_free(name) then return refusal(req, typed, name, "name_taken") end
  return { json = { name = name, valid = true, available = true } }
end)
