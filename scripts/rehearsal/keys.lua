--- API keys and sessions: who is calling. Any key is the owner's, except one that begins with "wrong" and those that were made with
--- user.createApiKey, which have their limits. A session cookie is the owner's too, unless it holds a member's user id.
local clock = require "rehearsal.clock"
local json = require "core.json"
local model = require "rehearsal.model"
local people = require "rehearsal.people"

local keys = {}

local null = json.null

local function kill(key)
  key._dead = true
  model.touch(key)
end

local function expired(key, now)
  return key.expiresAt ~= null and now > key._expires
end

-- One verification by the key library. A refused one changes nothing.
local function within_limit(key, now)
  if not key.rateLimitEnabled then return true end
  if key._last and now - key._last > key.rateLimitTimeWindow then key.requestCount = 0 end
  if key.requestCount >= key.rateLimitMax then return false end
  key.requestCount = key.requestCount + 1
  key._last = now
  return true
end

local function verify(key)
  local now = clock.now()
  if key._dead or not key.enabled then return false end
  if expired(key, now) or key.remaining == 0 then
    kill(key)
    return false
  end
  if not within_limit(key, now) then return false end
  if key.remaining ~= null then key.remaining = key.remaining - 1 end
  key.lastRequest = clock.iso(now)
  model.touch(key)
  return true
end

-- Dokploy verifies a key twice for each call: so a call counts two.
local function by_key(text)
  text = text:match "^%s*(.-)%s*$"
  if text == "" or text:find "^wrong" then return nil end
  local key = model.find("api_key", { _text = text })
  if not key then return people.owner() end
  return verify(key) and verify(key) and people.by_user(key.referenceId) or nil
end

local function by_cookie(cookie)
  local token = cookie:match "better%-auth%.session_token=([^;]+)"
  return token and (people.by_user(token) or people.owner())
end

--- The member who calls, or nil.
function keys.caller(req)
  local text, cookie = req.headers["x-api-key"], req.headers.cookie
  if text then return by_key(text) end
  return cookie and by_cookie(cookie) or nil
end

local function with_default(value, missing)
  if value == nil then return missing end
  return value
end

--- A new key for a member. Who says nothing of limits gets ten verifications a day.
function keys.make(member, input)
  local prefix = input.prefix or ""
  local text, now = prefix .. model.letters(64), clock.now()
  local key = {
    configId = "default", name = input.name, start = text:sub(1, 6), referenceId = member.userId, prefix = input.prefix or null,
    refillInterval = with_default(input.refillInterval, null), refillAmount = with_default(input.refillAmount, null), lastRefillAt = null,
    enabled = true, rateLimitEnabled = with_default(input.rateLimitEnabled, true),
    rateLimitTimeWindow = input.rateLimitTimeWindow or 86400000, rateLimitMax = input.rateLimitMax or 10, requestCount = 0,
    remaining = with_default(input.remaining, null), lastRequest = null, expiresAt = null, createdAt = clock.iso(now),
    updatedAt = clock.iso(now), permissions = null, metadata = null, _text = text, _organization = member.organizationId,
  }
  if input.expiresIn then
    key._expires = now + input.expiresIn * 1000
    key.expiresAt = clock.iso(key._expires)
  end
  return model.new("api_key", key)
end

function keys.delete(id)
  local key = model.get("api_key", id)
  if key then kill(key) end
end

--- The member's keys that live.
function keys.of(member)
  local alive = {}
  for _, key in ipairs(model.list("api_key", { referenceId = member.userId })) do
    if not key._dead then alive[#alive + 1] = key end
  end
  return alive
end

return keys
