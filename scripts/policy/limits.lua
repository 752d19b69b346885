--- How much one client may ask for: requests in a time, stacks in all. Takes effect when the scripts are reloaded; what has been counted
--- stays counted.
local check = require "lib.base.check"
local limits = {}

limits.page = 50            -- rows in one answer of a list when the client does not say
limits.page_max = 200       -- and at most
limits.idempotency_key = 255 -- the longest Idempotency-Key, in characters
limits.idempotency_random = 32 -- of so many it is held to be random; a visitor's shorter one counts only from where it came first
limits.reconcile = 300      -- seconds between two looks through Dokploy for what does not agree with the journal

limits.events_kept = 90 * 24 * 3600 -- seconds after the end of an operation in which its whole story can be read; its end always can

-- How many stacks there may be; nil: as many as one likes. The admin may go beyond.
limits.quotas = {
  production = { owner = 5, network = 20, total = 500 },
  development = {},
}

-- How many progress streams one client may have open at a time (many people may be behind one address), and how many there may be in all:
-- the rest of limits.max_connections in config.lua is left to requests that are answered at once. nil: as many as one likes.
limits.streams = {
  production = { client = 200, total = 3000 },
  development = {},
}

-- Requests of one class: { how many at once, seconds until as many are there again }. Counted for each client (an IPv4 address, the /64
-- of an IPv6 one) and, once it is known who asks, for each owner. In development they stop nothing but a loop gone wild.
limits.rates = {
  production = {
    check = { 60, 60 },     -- is this name free? Asked while somebody types
    read = { 240, 60 },     -- pages, lists, streams
    change = { 30, 60 },    -- stop, start, delete, keys...
    deploy = { 10, 3600 },
    auth = { 10, 600 },     -- keys, tokens, invites and links that are nobody's
    deploy_all = { 120, 3600 }, -- deploys of all clients together
  },
  development = {
    check = { 100000, 1 }, read = { 100000, 1 }, change = { 10000, 10 }, deploy = { 10000, 60 }, auth = { 1000, 60 },
    deploy_all = { 100000, 60 },
  },
}

-- So many times as much has the /48 that an IPv6 client is part of: whoever has one whole is 65,536 clients.
limits.site = 8

-- Routes whose class does not follow from the method. Not named: GET is "read", everything else "change". false: no limit.
limits.classes = {
  ["/health"] = false, -- monitors must always get through
  ["/ready"] = false,
  ["/metrics"] = false,
  ["/api/check/:name"] = "check",
  ["/api/deploy"] = "deploy",
}

--- The class of a route.
---@param method string
---@param pattern string
---@return string|false
function limits.class(method, pattern)
  local class = limits.classes[pattern]
  if class ~= nil then return class end
  return (method == "GET" or method == "HEAD") and "read" or "change"
end

--- The rates, or the quotas, of an environment: strict in production, generous elsewhere.
function limits.of(list, production) return production and list.production or list.development end

--- A page size out of ?limit=: the default when missing, nil when it is not a number from 1 to the most.
---@param text string|nil
---@return integer|nil
function limits.page_size(text)
  if text == nil then return limits.page end
  local size = text:match("^%d+$") and math.tointeger(tonumber(text))
  return size and size >= 1 and size <= limits.page_max and size or nil
end

check.examples("scripts/policy/limits.lua", limits.class, {
  { "check", "GET", "/api/check/:name" },
  { "deploy", "POST", "/api/deploy" },
  { "change", "DELETE", "/api/stack/:name" },
  { "read", "HEAD", "/" },
  { false, "GET", "/health" },
})

return limits
