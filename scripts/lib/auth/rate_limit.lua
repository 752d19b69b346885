--- Rate limits: token buckets for classes of requests (policy/limits.lua), one for each client or
--- owner. The counts live in the core and survive a reload.
local config = require "core.config"
local limit = require "core.limit"
local refusal = require "lib.base.refusal"
local limits = require "policy.limits"
local rate_limit = {}

local rates = limits.of(limits.rates, config.production)

local policies = {}
for class, rate in pairs(rates) do
  policies[class] = ('"%s";q=%d;w=%d'):format(class, rate[1], rate[2])
end

---@class RateLimit
---@field is_allowed boolean
---@field headers table<string, string>
---@field retry_after integer|nil  seconds, when not allowed

--- Takes a token.
---@param class string      a key of limits.rates
---@param key string        whose bucket
---@param site string|nil   the IPv6 /48 that `key` is part of, which has a bucket of its own
---@return RateLimit
function rate_limit.take(class, key, site)
  local burst, seconds = rates[class][1], rates[class][2]
  local group = site and class .. " " .. site
  local is_allowed, left, full_in, wait =
    limit.take(class .. " " .. key, burst, seconds, 1, group, limits.site)
  return {
    is_allowed = is_allowed,
    headers = {
      ["RateLimit-Policy"] = policies[class],
      RateLimit = ('"%s";r=%d;t=%d'):format(class, left, math.ceil(full_in)),
    },
    retry_after = not is_allowed and math.max(1, math.ceil(wait)) or nil,
  }
end

--- The options of the refusal for a bucket that is empty.
---@param found RateLimit
---@return ProblemOptions
function rate_limit.options(found)
  return { retry_after = found.retry_after, headers = found.headers }
end

--- Takes a token, or raises rate_limited.
function rate_limit.spend(class, key, site)
  local found = rate_limit.take(class, key, site)
  if not found.is_allowed then refusal.raise("rate_limited", rate_limit.options(found)) end
end

--- Whether a bucket is empty; takes nothing.
---@return boolean
function rate_limit.is_exhausted(class, key, site)
  local burst, seconds = rates[class][1], rates[class][2]
  local _, left = limit.take(class .. " " .. key, burst, seconds, 0)
  if left > 0 and site then
    _, left = limit.take(class .. " " .. site, burst * limits.site, seconds, 0)
  end
  return left == 0
end

return rate_limit
