--- GET /api/admin/events: a stream that says of which kind something changed, for the admin's pages.
local server = require "core.server"
local shared = require "core.shared"
local timer = require "core.timer"
local change_events = require "lib.journal.change_events"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local owner = require "lib.auth.owner"
local problem = require "lib.http.problem"
local sweeper = require "lib.workspaces.sweeper"
local door = require "routes.door"

local LOOK = 3 -- seconds between two looks at what tells of no change by itself

local function last_seen(req)
  local text = req.headers["last-event-id"] or req.query.after
  if text == nil or text == "" then return change_events.now() end
  return #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text)) or nil
end

server.route("GET", "/api/admin/events", function(req)
  local who, refusal = door.allow(req, "oversee", {})
  if not who then return refusal end
  local after = last_seen(req)
  if not after then return problem.value(req, "after", { "0", "1", "2", "..." }) end
  return change_events.subscribe(owner.pass(who), after)
end)

-- What is in no journal, as one word: the scripts in force, Dokploy, the breaker.
local function portal_word()
  local info, last = server.info(), dokploy.last()
  return table.concat({ info.generation, info.rejected and info.rejected.at or 0, tostring(last.reachable), tostring(last.message),
    tostring(last.version), breaker.state().state, sweeper.count(), tostring(info.store.trouble) }, " ")
end

-- Whoever would not be let in any more gets no more: his session or token is over, by time, log-out or another ADMIN_TOKEN.
local function send_away()
  for _, listener in ipairs(change_events.listeners()) do
    if not owner.pass_stands(listener) then change_events.dismiss(listener) end
  end
end

timer.every("feed.look", LOOK, function()
  if #change_events.listeners() == 0 then return end
  send_away()
  local word = portal_word()
  if shared.get("feed.portal") ~= word then change_events.changed("portal") end
  shared.set("feed.portal", word)
end)
