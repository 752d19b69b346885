--- Rate limits: token buckets for classes of requests (policy/limits.lua), one for each client or
--- owner. The counts live in the core and survive a reload.
local limit = require "core.limit"
local refusal = require "lib.base.refusal"
local limits = require "lib.policy.limits"
local rate_limit = {}

local rates = limits.rates

local policies = {}
for class, rate in pairs(rates) do
  policies[class] = ('"%s";q=%d;w=%d'):format(class, rate[1], rate[2])
end

--- Takes a token.
---@param class string      a key of limits.rates
---@param key string        whose bucket
---@param site string|nil   the IPv6 /48 that `key` is part of, which has a bucket of its own
---@return boolean is_allowed
---@return integer left  tokens
---@return number full_in  seconds until the bucket is full
---@return number wait  seconds until a token is available, when not allowed
function rate_limit.take(class, key, site)
  local rate, group = rates[class], site and class .. " " .. site
  return limit.take(class .. " " .. key, rate[1], rate[2], 1, group, limits.site)
end

--- The fields that report a bucket.
---@return table<string, string>
function rate_limit.headers(class, left, full_in)
  return {
    ["RateLimit-Policy"] = policies[class],
    RateLimit = ('"%s";r=%d;t=%d'):format(class, left, math.ceil(full_in)),
  }
end

--- Raises the refusal for an empty bucket.
function rate_limit.refuse(class, left, full_in, wait)
  refusal.raise("rate_limited", {
    retry_after = math.max(1, math.ceil(wait)),
    headers = rate_limit.headers(class, left, full_in),
  })
end

--- Takes a token, or raises rate_limited.
function rate_limit.spend(class, key, site)
  local is_allowed, left, full_in, wait = rate_limit.take(class, key, site)
  if not is_allowed then rate_limit.refuse(class, left, full_in, wait) end
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
