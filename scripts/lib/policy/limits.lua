--- Applies policy/limits.lua, with an installation's own merged over it: the limits that hold in
--- this environment, strict in production, generous elsewhere.
local config = require "core.config"
local check = require "lib.base.check"
local duration = require "lib.base.duration"
local site = require "lib.base.site"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

local FILE, SITE_FILE = "scripts/policy/limits.lua", "site/policy/limits.lua"
local MOST = 1 << 31

-- The shapes of values. In the shipped file nothing may be missing.
local most = { {
  hint = ("a whole number from 0 to %d, or false for no limit"):format(MOST),
  read = function(value)
    if value == false then return true, false end
    return kinds.whole(0, MOST).read(value)
  end,
} }
local whole = kinds.whole(1, MOST)

local function is_rate(value)
  local count, seconds = table.unpack(type(value) == "table" and value or {})
  return #value == 2 and whole.read(count) and whole.read(seconds)
end

local rate = {
  hint = "{ how many, in how many seconds }, such as { 60, 60 }",
  read = function(value) return type(value) == "table" and is_rate(value), value end,
}
local class_names = { "check", "read", "change", "deploy", "auth", "login", "deploy_all" }
local is_class = {}
for _, name in ipairs(class_names) do is_class[name] = true end
local class = {
  hint = 'false or the name of a class, such as "read"',
  read = function(value) return value == false or is_class[value] == true, value end,
}
local seconds = kinds.number(0, MOST)
local length = {
  hint = 'a duration, such as "7 days"',
  read = function(value)
    local count = duration.seconds(value)
    return count ~= nil and count >= 1 and count <= MOST, count
  end,
}

-- Of these keys production and development have values of their own; an installation's file may
-- have one value for both.
local function by_environment(is_complete)
  local rates = {}
  for _, name in ipairs(class_names) do rates[name] = { rate, required = is_complete } end
  return {
    rest = { seconds, required = is_complete }, rates = rates,
    quotas = {
      owner = most, network = most, total = most, groups = schema.map { owner = most },
    },
    streams = { client = most, total = most },
  }
end

-- Whether a key has one value for production and another for development.
local function is_divided(value, key)
  local own = type(value) == "table" and value[key]
  return type(own) == "table" and (own.production ~= nil or own.development ~= nil)
end

local function shape_of(value, is_complete)
  local function needed(kind) return { kind, required = is_complete } end
  local shape = {
    page = needed(whole), page_max = needed(whole), idempotency_key = needed(whole),
    idempotency_random = needed(whole), reconcile = needed(kinds.number(0.1, 86400)),
    events_kept = needed(seconds), site = needed(whole), shared = needed(kinds.whole(1, 1000)),
    classes = schema.map { class },
    lifetimes = {
      after = schema.map { length }, warn = needed(length), extend = { length },
      at_most = { length },
    },
    kept = { purge_after = { length }, warn = needed(length) },
    sleep = { warn = needed(length), keep_awake = needed(length) },
  }
  for key, each in pairs(by_environment(is_complete)) do
    local has_both = is_complete or is_divided(value, key)
    shape[key] = has_both and { production = each, development = each } or each
  end
  return shape
end

local environment = config.production and "production" or "development"

-- The values that hold here.
local function read(value, file, is_complete)
  local found = schema.check(value, shape_of(value, is_complete), file)
  for key in pairs(by_environment()) do
    if is_complete or is_divided(value, key) then found[key] = found[key][environment] end
  end
  return found
end

-- Key by key; a list replaces a list.
local function merge(base, over)
  for key, value in pairs(over) do
    local is_map = type(value) == "table" and #value == 0 and type(base[key]) == "table"
    if is_map then merge(base[key], value) else base[key] = value end
  end
end

local limits = read(require "policy.limits", FILE, true)
merge(limits, read(site.part "policy/limits" or {}, SITE_FILE, false))

local function without_false(map)
  for key, value in pairs(map) do map[key] = value or nil end
end
without_false(limits.quotas)
without_false(limits.streams)

-- The quota and the streams of an IPv6 /48, by the rule that rates have.
local function of_site(number) return number and number * limits.site end
limits.quotas.site = of_site(limits.quotas.network)
limits.streams.site = of_site(limits.streams.client)

local groups = limits.quotas.groups
limits.quotas.groups = nil

--- The quotas of somebody: those of everyone, but of their groups the largest.
---@param who { groups: string[]|nil }
---@return { owner: integer|nil, network: integer|nil, site: integer|nil, total: integer|nil }
function limits.quotas_of(who)
  local largest
  for _, name in ipairs(who.groups or {}) do
    local quota = groups[name] and groups[name].owner
    if quota == false then largest = math.huge end
    if quota then largest = math.max(largest or 0, quota) end
  end
  if not largest then return limits.quotas end
  local own = {}
  for key, value in pairs(limits.quotas) do own[key] = value end
  own.owner = largest < math.huge and largest or nil
  return own
end

--- The class of a route, whose rate limits it; false: no limit.
---@param method string
---@param pattern string
---@return string|false
function limits.class(method, pattern)
  local named = limits.classes[pattern]
  if named ~= nil then return named end
  return (method == "GET" or method == "HEAD") and "read" or "change"
end

check.examples(FILE, limits.class, {
  { "check", "GET", "/api/check/:name" },
  { "change", "POST", "/api/deploy" },
  { "change", "DELETE", "/api/stack/:name" },
  { "read", "HEAD", "/" },
  { false, "GET", "/health" },
})

return limits
