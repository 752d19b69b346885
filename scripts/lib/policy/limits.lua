--- Applies policy/limits.lua: the limits that hold in this environment, strict in production,
--- generous elsewhere.
local config = require "core.config"
local check = require "lib.base.check"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

local count = { kinds.whole(1, 1 << 31) }
local rate = schema.list(count)
local function by_environment(shape) return { production = shape, development = shape } end
local rates = {
  check = rate, read = rate, change = rate, deploy = rate, auth = rate, login = rate,
  deploy_all = rate,
}
local policy = schema.check(require "policy.limits", {
  page = count, page_max = count, idempotency_key = count, idempotency_random = count,
  reconcile = { kinds.number(0.1, 86400) }, events_kept = { kinds.number(0, 1 << 31) },
  rest = by_environment { kinds.number(0, 1 << 31), default = 0 },
  quotas = by_environment { owner = count, network = count, total = count },
  streams = by_environment { client = count, total = count },
  rates = by_environment(rates), site = count, shared = { kinds.whole(1, 1000), default = 20 },
  classes = schema.map { {
    hint = 'false or the name of a class, such as "read"',
    read = function(value) return value == false or rates[value] ~= nil, value end,
  } },
}, "scripts/policy/limits.lua")

local environment = config.production and "production" or "development"
local limits = policy
limits.quotas = policy.quotas[environment]
limits.streams = policy.streams[environment]
limits.rest = policy.rest[environment]
limits.rates = policy.rates[environment]
limits.rates.login = limits.rates.login or limits.rates.auth
-- The quota and the streams of an IPv6 /48, by the rule that rates have.
local function of_site(most) return most and most * policy.site end
limits.quotas.site = of_site(limits.quotas.network)
limits.streams.site = of_site(limits.streams.client)

--- The class of a route, whose rate limits it; false: no limit.
---@param method string
---@param pattern string
---@return string|false
function limits.class(method, pattern)
  local class = policy.classes[pattern]
  if class ~= nil then return class end
  return (method == "GET" or method == "HEAD") and "read" or "change"
end

check.examples("scripts/policy/limits.lua", limits.class, {
  { "check", "GET", "/api/check/:name" },
  { "change", "POST", "/api/deploy" },
  { "change", "DELETE", "/api/stack/:name" },
  { "read", "HEAD", "/" },
  { false, "GET", "/health" },
})

return limits
