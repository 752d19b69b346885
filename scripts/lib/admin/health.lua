--- The portal's health as a document: what is degraded. Waits for nothing.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local clock = require "lib.base.clock"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local drift = require "lib.journal.drift"
local i18n = require "lib.pages.i18n"
local orphans = require "lib.operations.orphans"
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
    return { "breaker_" .. now.state, { time = clock.time_of_day(now.retry_at) }, more = more }
  end,

  function()
    local count = orphans.count()
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

--- What the documents of health and of the admin's summary have in common.
---@param language string
---@return table
function health.outline(language)
  local info, degraded = server.info(), health.degraded(language)
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
  local doc = health.outline(language)
  doc.generation, doc.loadedAt = info.generation, clock.iso(info.loaded_at)
  doc.dokploy = {
    reachable = last.reachable, version = last.version, checkedAt = clock.iso(last.at),
    breaker = breaker.state().state, rehearsal = config.rehearsal,
  }
  return doc
end

return health
