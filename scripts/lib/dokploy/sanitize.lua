--- Makes text of others (Dokploy's messages, lines of a log) fit to be shown and logged: short, one
--- line, plain UTF-8 text, no secrets.
local config = require "core.config"
local sanitize = {}

local LONGEST = 4000 -- bytes that are looked at, which bounds the cost of a text
local OURS = { "DOKPLOY_API_TOKEN", "STACK_REGISTRY_PASSWORD", "ADMIN_TOKEN", "PROXY_SECRET" }

local function any_case(word)
  return (word:gsub("%a", function(letter)
    return "[" .. letter:lower() .. letter:upper() .. "]"
  end))
end

-- What follows such a word and "=" or ":" is a secret.
local labels = {}
for i, word in ipairs {
  "password", "passwd", "secret", "token", "api%-?_?key", "authorization", "credential",
} do
  labels[i] = "(" .. any_case(word) .. "[%w_]*[\"']?%s*[=:]%s*[\"']?)[^%s\"',;&]+"
end

-- Long, and of all kinds of characters: a key, not a word, an id or a digest.
local function looks_like_key(word)
  return #word >= 32 and word:find "%l" and word:find "%u" and word:find "%d"
end

local function literal(text) return (text:gsub("%p", "%%%0")) end

-- A short secret is masked as a whole word, or it would tear other words apart.
local function masked(text, secret)
  local pattern = literal(secret)
  if #secret < 8 and secret:find "^%w" and secret:find "%w$" then
    pattern = "%f[%w]" .. pattern .. "%f[%W]"
  end
  return (text:gsub(pattern, "***"))
end

--- The text without what looks like a secret, and without the portal's own secrets.
---@param text string
---@param more table<string, true>|nil  more secrets
---@return string
function sanitize.redacted(text, more)
  local secrets = {}
  for secret in pairs(more or {}) do secrets[#secrets + 1] = secret end
  for _, name in ipairs(OURS) do secrets[#secrets + 1] = config.secret(name) end
  table.sort(secrets, function(a, b) return #a > #b end) -- one may be a part of another
  for _, secret in ipairs(secrets) do
    if secret ~= "" then text = masked(text, secret) end
  end
  text = text:gsub("(://[^%s/@:]*):[^%s/@]+@", "%1:***@")
  text = text:gsub("([bB]earer%s+)[%w._~+/=-]+", "%1***")
  for _, pattern in ipairs(labels) do text = text:gsub(pattern, "%1***") end
  return (text:gsub("[%w_-]+", function(word) return looks_like_key(word) and "***" or nil end))
end

-- Removes terminal colours, control characters, and those that turn the direction of writing.
local function plain(text)
  text = text:gsub("\27%[[%d;]*%a", ""):gsub("%c", " ")
  return (text:gsub("\xE2\x80[\x8E\x8F\xAA-\xAE]", ""):gsub("\xE2\x81[\xA6-\xA9]", ""))
end

--- The text as one short line of plain text.
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

--- Both: one short line without secrets.
---@param text any  anything but a text is ""
---@param most integer  characters
---@param secrets table<string, true>|nil
---@return string
function sanitize.text(text, most, secrets)
  if type(text) ~= "string" then return "" end
  return sanitize.line(sanitize.redacted(text:sub(1, LONGEST), secrets), most)
end

return sanitize
