--- GET /health: how the portal is, for people and monitors; GET /ready: whether to send it requests. Neither waits for anything.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local clock = require "lib.base.clock"
local doctor = require "lib.doctor.schedule"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local drift = require "lib.journal.drift"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local sweeper = require "lib.workspaces.sweeper"

local function look_around()
  local info = server.info()
  info.dokploy, info.breaker = dokploy.last(), breaker.state()
  return info
end

-- Each looks for one thing that is not as it should be: nil, or {code, args for its text, more = members to add, text = its key when that
-- is not "health.CODE"}.
local looks = {}

looks[#looks + 1] = function(info)
  if info.store.trouble then return { "journal", { code = info.store.trouble } } end
end

looks[#looks + 1] = function(info)
  local edit = info.rejected
  if not edit then return nil end
  local told = { file = edit.file, line = edit.line, message = edit.message, at = clock.iso(edit.at) }
  local placed = edit.file ~= "" and edit.line > 0
  return {
    "edit_rejected", { file = edit.file, line = edit.line, message = edit.message },
    more = told, text = not placed and "health.edit_rejected_somewhere" or nil,
  }
end

-- last.message is the code of the newest failure; a refused token is the one that no waiting mends.
looks[#looks + 1] = function(info)
  local last = info.dokploy
  local code = last.reachable == false and "dokploy_unreachable" or last.message == "dokploy_refused" and "dokploy_refused"
  return code and { code, {}, more = { at = clock.iso(last.at) } } or nil
end

looks[#looks + 1] = function(info)
  local state = info.breaker
  if state.state == "closed" then return nil end
  local more = { since = clock.iso(state.since), retryAt = clock.iso(state.retry_at) }
  return { "breaker_" .. state.state, { time = clock.of_day(state.retry_at) }, more = more }
end

looks[#looks + 1] = function()
  local count = sweeper.count()
  if count > 0 then return { "leftovers", { count = count }, more = { count = count } } end
end

looks[#looks + 1] = function()
  local counts = drift.counts()
  if counts.all == 0 then return nil end
  local more = { count = counts.all, vanished = counts.vanished, unknown = counts.unknown, inError = counts.in_error }
  return { "findings", { count = counts.all }, more = more }
end

looks[#looks + 1] = function(info)
  if info.draining then return { "draining", {} } end
end

local health = {}

--- What is not as it should be: { {code, detail, ...}, ... }. Waits for nothing.
---@param language string
---@param info table|nil
function health.degraded(language, info)
  info = info or look_around()
  local list = {}
  for _, look in ipairs(looks) do
    local found = look(info)
    if found then
      local told = { code = found[1], detail = i18n.text(language, found.text or "health." .. found[1], found[2]) }
      for key, value in pairs(found.more or {}) do told[key] = value end
      list[#list + 1] = told
    end
  end
  return json.array(list)
end

local function dokploy_view(info)
  local last = info.dokploy
  return {
    reachable = last.reachable, version = last.version, checkedAt = clock.iso(last.at),
    breaker = info.breaker.state, rehearsal = config.rehearsal,
  }
end

server.route("GET", "/health", function(req)
  local info, language = look_around(), i18n.from(req)
  local list = health.degraded(language, info)
  return {
    json = {
      status = #list == 0 and "healthy" or "degraded",
      version = info.version,
      release = config.release,
      generation = info.generation,
      loadedAt = clock.iso(info.loaded_at),
      startedAt = clock.iso(info.started_at),
      dokploy = dokploy_view(info),
      access = { mode = config.access, detail = i18n.text(language, "health.access_" .. config.access) },
      degraded = list,
    },
    headers = { Vary = "Accept-Language", ["Content-Language"] = language },
  }
end, { log = "debug" })

-- What makes the portal unfit for requests. An unreachable Dokploy does not: an outage must never roll back a good release.
local function failing(info)
  local list = {}
  if info.store.trouble then list[#list + 1] = "journal" end
  if info.draining then list[#list + 1] = "draining" end
  return json.array(list)
end

server.route("GET", "/ready", function(req)
  local info = server.info()
  local list = failing(info)
  if #list > 0 then
    return problem.reply(req, "not_ready", { args = { failing = table.concat(list, ", ") }, more = { failing = list }, retry_after = 5 })
  end
  local last, state = dokploy.last(), breaker.state()
  return {
    json = {
      status = "ready",
      release = config.release,
      journal = "ok",
      scripts = "ok",
      dokploy = last.reachable == nil and "unknown" or last.reachable and "ok" or "unreachable",
      breaker = state.state,
      doctor = doctor.last_report() or { status = "unknown" },
    },
  }
end, { log = "debug" })

return health
