--- The portal's health as a document: what is degraded. Waits for nothing.
local config = require "core.config"
local json = require "core.json"
local log = require "core.log"
local server = require "core.server"
local client = require "lib.auth.client"
local address = require "lib.base.address"
local clock = require "lib.base.clock"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local document = require("lib.http.schemas").document
local drift = require "lib.journal.drift"
local access = require "lib.pages.access"
local i18n = require "lib.pages.i18n"
local orphans = require "lib.operations.orphans"
local faults = require "lib.site.faults"
local versions = require "lib.site.versions"
local health = {}

local MOST_PLACES = 5 -- that are named

-- Each checks one thing, for the admin or for anyone, and returns nothing, or its code, the
-- arguments of its text, further members of the document, and the text's key if it is not
-- "health.CODE".
local checks = {
  function(info)
    if info.store.trouble then return "journal", { code = info.store.trouble } end
  end,

  -- The message quotes the source, which may contain a secret.
  function(info, is_admin)
    local edit = info.rejected
    if not edit then return nil end
    local doc, has_file = document("Rejected", edit), edit.file ~= ""
    local has_line = has_file and edit.line > 0
    local problems = versions.problems()
    doc.count = problems and #problems
    if is_admin then doc.problems = problems and json.array(problems) else doc.message = nil end
    local key = "health.edit_rejected" .. (is_admin and "" or "_briefly")
    local suffix = has_line and "" or has_file and "_in" or "_somewhere"
    return "edit_rejected", edit, doc, key .. suffix
  end,

  -- Places and counts only: messages may quote data, and are on the admin page.
  function()
    local list, count, places, words = faults.list(), 0, {}, {}
    for i, fault in ipairs(list) do
      count = count + fault.count
      if i <= MOST_PLACES then
        places[i] = { where = fault.where, count = fault.count }
        words[i] = ("%s (%d)"):format(fault.where, fault.count)
      end
    end
    if count == 0 then return nil end
    return "script_faults", { count = count, places = table.concat(words, ", ") },
      { count = count, places = json.array(places) }
  end,

  -- A refused token is reported apart: waiting does not help.
  function()
    local last = dokploy.last()
    local more = { at = clock.iso(last.at) }
    if last.reachable == false then
      local key = last.message == "dokploy_database" and "health.dokploy_database" or nil
      return "dokploy_unreachable", {}, more, key
    end
    if last.message == "dokploy_refused" then return "dokploy_refused", {}, more end
    if last.denied then
      return "dokploy_refused", { call = last.denied }, more, "health.dokploy_denied"
    end
  end,

  function()
    local now = breaker.state()
    if now.state == "closed" then return nil end
    return "breaker_" .. now.state, { time = clock.time_of_day(now.retry_at) },
      { since = clock.iso(now.since), retryAt = clock.iso(now.retry_at) }
  end,

  function()
    local count = orphans.count()
    if count > 0 then return "leftovers", { count = count }, { count = count } end
  end,

  function()
    local counts = drift.counts()
    if counts.all == 0 then return nil end
    return "findings", { count = counts.all }, {
      count = counts.all, vanished = counts.vanished, unknown = counts.unknown,
      inError = counts.in_error,
    }
  end,

  -- Only the admin is told why the limits are shared.
  function(_, is_admin)
    local proxy = is_admin and client.untrusted_proxy()
    if proxy then return "limits_shared", { proxy = proxy } end
  end,

  function(_, is_admin)
    if not is_admin or #config.doubtful_proxies == 0 or config.secret "PROXY_SECRET" then return end
    return "proxies_ignored", { networks = address.list_text(config.doubtful_proxies) }
  end,

  function(info)
    if info.draining then return "draining", {} end
  end,
}

--- What is degraded: { { code, detail, ... }, ... }.
---@param language string
---@param is_admin boolean|nil
---@return table[]
function health.degraded(language, is_admin)
  local info, list = server.info(), {}
  for _, check in ipairs(checks) do
    local code, args, more, key = check(info, is_admin)
    if code then
      local item = more or {}
      item.code, item.detail = code, i18n.text(language, key or "health." .. code, args)
      list[#list + 1] = item
    end
  end
  return json.array(list)
end

--- What the documents of health and of the admin's summary have in common.
---@param language string
---@param is_admin boolean|nil
---@return table
function health.outline(language, is_admin)
  local degraded = health.degraded(language, is_admin)
  return {
    status = #degraded == 0 and "healthy" or "degraded",
    degraded = degraded,
    release = config.release,
    access = { mode = config.access, detail = access.sentence(language) },
  }
end

--- Logs who may create a workspace; a warning when that is nobody.
function health.log_access()
  local write = access.is_unopened() and log.warn or log.info
  write("portal.access", { mode = config.access, message = access.sentence "en" })
end

--- The document of GET /health.
---@param language string
---@param is_admin boolean|nil
---@return table
function health.document(language, is_admin)
  local doc, last = health.outline(language, is_admin), dokploy.last()
  doc.dokploy = document("DokployHealth", last, {
    checkedAt = clock.iso(last.at), breaker = breaker.state().state, rehearsal = config.rehearsal,
  })
  if versions.number() > 0 then
    local hash, since = versions.hash(), versions.since()
    doc.site = { number = versions.number(), hash = hash:sub(1, 12), at = clock.iso(since) }
  end
  return document("Health", server.info(), doc)
end

return health
