--- Rate limits: token buckets for classes of requests (policy/limits.lua), one for each client or
--- owner. The counts live in the core and survive a reload.
local limit = require "core.limit"
local refusal = require "lib.base.refusal"
local limits = require "lib.policy.limits"
local rate_limit = {}

---@class Bucket  whose tokens: a Client, or an owner
---@field key string
---@field site? string         the IPv6 /48 that `key` is part of, which has a bucket of its own
---@field is_shared? boolean   many clients behind one proxy

local function burst_of(class, of)
  return limits.rates[class][1] * (of.is_shared and limits.shared or 1)
end

--- Takes a token.
---@param class string  a key of limits.rates
---@param of Bucket
---@param cost integer|nil  0 only looks, -1 gives the token back
---@return boolean is_allowed
---@return integer left  tokens
---@return number full_in  seconds until the bucket is full
---@return number wait  seconds until a token is available, when not allowed
function rate_limit.take(class, of, cost)
  local group = of.site and class .. " " .. of.site
  return limit.take(class .. " " .. of.key, burst_of(class, of), limits.rates[class][2], cost or 1,
    group, limits.site)
end

--- The fields that report a bucket.
---@return table<string, string>
function rate_limit.headers(class, of, left, full_in)
  return {
    ["RateLimit-Policy"] =
      ('"%s";q=%d;w=%d'):format(class, burst_of(class, of), limits.rates[class][2]),
    RateLimit = ('"%s";r=%d;t=%d'):format(class, left, math.ceil(full_in)),
  }
end

--- Raises the refusal for an empty bucket.
function rate_limit.refuse(class, of, left, full_in, wait)
  refusal.raise("rate_limited", {
    retry_after = math.max(1, math.ceil(wait)),
    headers = rate_limit.headers(class, of, left, full_in),
  })
end

--- Takes a token, or raises rate_limited.
---@return integer left
---@return number full_in
function rate_limit.spend(class, of)
  local is_allowed, left, full_in, wait = rate_limit.take(class, of)
  if not is_allowed then rate_limit.refuse(class, of, left, full_in, wait) end
  return left, full_in
end

--- Whether a bucket is empty; takes nothing.
---@return boolean
function rate_limit.is_exhausted(class, of)
  local _, left = rate_limit.take(class, { key = of.key, is_shared = of.is_shared }, 0)
  if left > 0 and of.site then
    local rate = limits.rates[class]
    _, left = limit.take(class .. " " .. of.site, rate[1] * limits.site, rate[2], 0)
  end
  return left == 0
end

---@class Reservation  tokens that are given back unless they are kept
---@field taken { [1]: string, [2]: Bucket }[]
local Reservation = {}

--- Takes a token as rate_limit.spend does.
function Reservation:spend(class, of)
  local left, full_in = rate_limit.spend(class, of)
  self.taken[#self.taken + 1] = { class, of }
  return left, full_in
end

--- What they were taken for has come about.
function Reservation:keep() self.taken = {} end

function Reservation:give_back()
  for _, token in ipairs(self.taken) do rate_limit.take(token[1], token[2], -1) end
  self.taken = {}
end

local methods = { __index = Reservation, __close = Reservation.give_back }

--- Begins a reservation. Keep the result in a `<close>` variable.
---@return Reservation
function rate_limit.reserve() return setmetatable({ taken = {} }, methods) end

return rate_limit
