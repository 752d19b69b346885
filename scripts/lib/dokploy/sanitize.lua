--- Words of others (Dokploy's messages, lines of a log) made fit to be told and logged: short, one line, plain text, no secrets. Every text
--- comes out as UTF-8.
local config = require "core.config"
local sanitize = {}

local LONGEST = 4000 -- bytes that are looked at, so that no text costs much
local OURS = { "DOKPLOY_API_TOKEN", "STACK_REGISTRY_PASSWORD", "ADMIN_TOKEN" }

local function any_case(word)
  return (word:gsub("%a", function(letter) return "[" .. letter:lower() .. letter:upper() .. "]" end))
end

-- What stands behind such a word, and behind "=" or ":", is a secret.
local telling = {}
for i, word in ipairs { "password", "passwd", "secret", "token", "api%-?_?key", "authorization", "credential" } do
  telling[i] = "(" .. any_case(word) .. "[%w_]*[\"']?%s*[=:]%s*[\"']?)[^%s\"',;&]+"
end

-- Long, and of all kinds of characters: a key, not a word, an id or a digest.
local function is_key(word) return #word >= 32 and word:find "%l" and word:find "%u" and word:find "%d" end

local function literal(text) return (text:gsub("%p", "%%%0")) end

--- The same text without what looks like a secret, and without the portal's own ones.
---@param text string
---@param more string|nil  one more secret
---@return string
function sanitize.redacted(text, more)
  for _, name in ipairs(OURS) do
    local secret = config.secret(name)
    if secret and #secret >= 8 then text = text:gsub(literal(secret), "***") end
  end
  if more and #more >= 8 then text = text:gsub(literal(more), "***") end
  text = text:gsub("(://[^%s/@:]*):[^%s/@]+@", "%1:***@"):gsub("([bB]earer%s+)[%w._~+/=-]+", "%1***")
  for _, pattern in ipairs(telling) do text = text:gsub(pattern, "%1***") end
  return (text:gsub("[%w_-]+", function(word) return is_key(word) and "***" or nil end))
end

-- Colours of terminals, control characters, and those that turn the direction of writing.
local function plain(text)
  text = text:gsub("\27%[[%d;]*%a", ""):gsub("%c", " ")
  return (text:gsub("\xE2\x80[\x8E\x8F\xAA-\xAE]", ""):gsub("\xE2\x81[\xA6-\xA9]", ""))
end

--- A text as one short line of plain text.
---@param text string
---@param most integer  characters
---@return string
function sanitize.line(text, most)
  text = text:sub(1, LONGEST)
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]+$", "") end -- a character that was cut
  if not utf8.len(text) then text = text:gsub("[\x80-\xff]", "?") end
  text = plain(text)
  local cut = utf8.offset(text, most + 1)
  return cut and cut <= #text and text:sub(1, cut - 1) .. "…" or text
end

--- The two together.
---@param text any  anything but a text is ""
---@param most integer  characters
---@param secret string|nil
---@return string
function sanitize.safely(text, most, secret)
  if type(text) ~= "string" then return "" end
  return sanitize.line(sanitize.redacted(text:sub(1, LONGEST), secret), most)
end

return sanitize
