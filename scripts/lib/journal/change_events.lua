--- What changed, told to the admin's pages that are open: not what it is now, only of which kind, so that a page looks again at what it
--- shows. Every change has a number; a page that was away asks for what is newer than the last number that it saw. While nobody listens a
--- change costs two words in core.shared.
local json = require "core.json"
local shared = require "core.shared"
local sse = require "core.sse"
local change_events = {}

local SETTLE = 10 -- seconds after which a channel that reaches nobody is given up

-- Numbers go on rising over a restart: they begin with the time.
local function number()
  local newest = shared.get "feed.number"
  if newest then return newest end
  newest = os.time() * 1000
  shared.set("feed.number", newest)
  shared.set("feed.first", newest)
  return newest
end

local function event_of(id, kind) return { id = id, event = "changed", data = json.encode { kind = kind } } end

--- The number of the newest change.
---@return integer
function change_events.now() return number() end

local function publish(event)
  local left = false
  for _, key in ipairs(shared.keys "feed.to.") do
    local heard = sse.publish(key:sub(6), event)
    if heard == 0 and os.time() - shared.get(key) > SETTLE then shared.set(key, nil) else left = true end
  end
  if not left then shared.set("feed.heard", nil) end
end

--- Something of that kind changed: stacks operations leftovers findings audit access portal.
---@param kind string
function change_events.changed(kind)
  number()
  local id = shared.incr("feed.number", 1)
  shared.set("feed.of." .. kind, id)
  if shared.get "feed.heard" then publish(event_of(id, kind)) end
end

-- One event for each kind that changed since; for numbers of an earlier start, which kinds those were is not known any more.
local function missed(after)
  local newest, list = number(), {}
  if after < shared.get "feed.first" then return { event_of(newest, "all") } end
  for _, key in ipairs(shared.keys "feed.of.") do
    local id = shared.get(key)
    if id > after then list[#list + 1] = event_of(id, key:sub(9)) end
  end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

--- A stream of changes after that number. `who` tells listeners apart that may have to be sent away.
---@param who string
---@param after integer
---@return Reply
function change_events.subscribe(who, after)
  local replay = missed(after)
  shared.set("feed.to." .. who, os.time())
  shared.set("feed.heard", true)
  return sse.subscribe("to." .. who, { last_id = math.min(after, number()), replay = replay })
end

--- Who listens, or did not long ago.
---@return string[]
function change_events.listeners()
  local list = {}
  for i, key in ipairs(shared.keys "feed.to.") do list[i] = key:sub(9) end
  return list
end

--- Sends a listener away.
---@param who string
function change_events.dismiss(who)
  number()
  sse.publish("to." .. who, { id = shared.incr("feed.number", 1), event = "over", data = "{}", last = true })
  shared.set("feed.to." .. who, nil)
end

return change_events
