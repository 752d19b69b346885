--- GET /api/admin/events: a stream that says which kind of thing changed, for the admin pages.
local server = require "core.server"
local shared = require "core.shared"
local timer = require "core.timer"
local identity = require "lib.auth.identity"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local input = require "lib.http.input"
local routes = require "lib.http.routes"
local change_events = require "lib.journal.change_events"
local orphans = require "lib.operations.orphans"

local CHECK_SECONDS = 3

local function follow(req, values, who)
  local after = input.last_event_id(req, values) or change_events.now()
  return change_events.subscribe(identity.pass(who), after)
end

-- Whatever is in no journal, as one text: scripts, Dokploy, breaker, store.
local function portal_state()
  local info, last = server.info(), dokploy.last()
  return table.concat({
    info.generation, info.rejected and info.rejected.at or 0, tostring(last.reachable),
    tostring(last.message), tostring(last.version), breaker.state().state, orphans.count(),
    tostring(info.store.trouble),
  }, " ")
end

-- Ends streams whose session or token has ended: by time, log-out or another ADMIN_TOKEN.
local function dismiss_invalid()
  for _, listener in ipairs(change_events.listeners()) do
    if not identity.is_pass_valid(listener) then change_events.dismiss(listener) end
  end
end

timer.every("change_events.check", CHECK_SECONDS, function()
  if #change_events.listeners() == 0 then return end
  dismiss_invalid()
  local state = portal_state()
  if shared.get("change_events.portal") ~= state then change_events.changed("portal") end
  shared.set("change_events.portal", state)
end)

routes.add("Administration", {
  { "GET", "/api/admin/events", follow,
    summary = "Follow changes",
    text = "Events say which kind of thing changed, not what: fetch it again. Ids ascend, also "
      .. "across a restart, so a client that returns with its last one learns once of each kind "
      .. "that changed since. `over` ends the stream of a session that has ended.",
    access = "admin", allow = "oversee",
    query = { "after_event", "last_event" }, headers = { "last_event_id" },
    answers = { [200] = { "The stream", events = "ChangeStream" } } },
})
