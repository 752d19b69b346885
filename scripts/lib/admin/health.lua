--- The portal's health as documents: what is degraded, and the admin's summary. Waits for nothing
--- but, for the summary, the journal.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local lists = require "lib.admin.lists"
local clock = require "lib.base.clock"
local refusal = require "lib.base.refusal"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local drift = require "lib.journal.drift"
local ledger = require "lib.journal.ledger"
local i18n = require "lib.pages.i18n"
local sweeper = require "lib.workspaces.sweeper"
local health = {}

-- Each checks one thing and returns nil, or { code, arguments of its text, more = members of the
-- document, text = the text's key if it is not "health.CODE" }.
local checks = {
  function(info)
    local code = info.store.trouble
    if code then return { "journal", { code = code } } end
  end,

  function(info)
    local edit = info.rejected
    if not edit then return nil end
    local args = { file = edit.file, line = edit.line, message = edit.message }
    local more = { at = clock.iso(edit.at) }
    for name, value in pairs(args) do more[name] = value end
    local has_place = edit.file ~= "" and edit.line > 0
    local text = not has_place and "health.edit_rejected_somewhere" or nil
    return { "edit_rejected", args, more = more, text = text }
  end,

  -- A refused token is reported apart: waiting does not help.
  function()
    local last = dokploy.last()
    local more = { at = clock.iso(last.at) }
    if last.reachable == false then return { "dokploy_unreachable", {}, more = more } end
    if last.message == "dokploy_refused" then return { "dokploy_refused", {}, more = more } end
  end,

  function()
    local now = breaker.state()
    if now.state == "closed" then return nil end
    local more = { since = clock.iso(now.since), retryAt = clock.iso(now.retry_at) }
    return { "breaker_" .. now.state, { time = clock.of_day(now.retry_at) }, more = more }
  end,

  function()
    local count = sweeper.count()
    if count > 0 then return { "leftovers", { count = count }, more = { count = count } } end
  end,

  function()
    local counts = drift.counts()
    if counts.all == 0 then return nil end
    local more = {
      count = counts.all, vanished = counts.vanished, unknown = counts.unknown,
      inError = counts.in_error,
    }
    return { "findings", { count = counts.all }, more = more }
  end,

  function(info)
    if info.draining then return { "draining", {} } end
  end,
}

--- What is degraded: { { code, detail, ... }, ... }.
---@param language string
---@return table[]
function health.degraded(language)
  local info, list = server.info(), {}
  for _, check in ipairs(checks) do
    local found = check(info)
    if found then
      local key = found.text or "health." .. found[1]
      local item = { code = found[1], detail = i18n.text(language, key, found[2]) }
      for name, value in pairs(found.more or {}) do item[name] = value end
      list[#list + 1] = item
    end
  end
  return json.array(list)
end

-- What both documents begin with.
local function outline(language, info)
  local degraded = health.degraded(language)
  return {
    status = #degraded == 0 and "healthy" or "degraded",
    degraded = degraded,
    version = info.version,
    release = config.release,
    startedAt = clock.iso(info.started_at),
    access = {
      mode = config.access,
      detail = i18n.text(language, "health.access_" .. config.access),
    },
  }
end

--- The document of GET /health.
---@param language string
---@return table
function health.document(language)
  local info, last = server.info(), dokploy.last()
  local doc = outline(language, info)
  doc.generation, doc.loadedAt = info.generation, clock.iso(info.loaded_at)
  doc.dokploy = {
    reachable = last.reachable, version = last.version, checkedAt = clock.iso(last.at),
    breaker = breaker.state().state, rehearsal = config.rehearsal,
  }
  return doc
end

local function rejected_view(edit)
  if not edit then return nil end
  return { file = edit.file, line = edit.line, message = edit.message, at = clock.iso(edit.at) }
end

local function dokploy_view()
  local last, now = dokploy.last(), breaker.state()
  return {
    url = config.dokploy.url,
    rehearsal = config.rehearsal,
    reachable = last.reachable,
    version = last.version,
    trouble = last.message,
    checkedAt = clock.iso(last.at),
    breaker = {
      state = now.state, since = clock.iso(now.since), failures = now.failures,
      retryAt = clock.iso(now.retry_at),
    },
  }
end

--- Everything at a glance, for the admin. Raises the journal's failures.
---@param language string
---@return table
function health.summary(language)
  local info, queue = server.info(), lists.queue(language)
  local doc = outline(language, info)
  doc.policy = {
    generation = info.generation, loadedAt = clock.iso(info.loaded_at),
    rejected = rejected_view(info.rejected),
  }
  doc.dokploy = dokploy_view()
  doc.stacks = json.array(refusal.check(nil, ledger.states {}))
  doc.running, doc.waiting, doc.places = #queue.running, #queue.waiting, queue.places
  doc.leftovers, doc.findings = sweeper.count(), drift.counts().all
  doc.streams, doc.connections, doc.memory = info.streams, info.connections, info.memory
  return doc
end

return health
