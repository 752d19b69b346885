--- What the journal and Dokploy do not agree on, for the admin: the list, and adopt, repair and remove.
local json = require "core.json"
local server = require "core.server"
local clock = require "lib.base.clock"
local body = require "lib.http.body"
local drift = require "lib.journal.drift"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local reconcile = require "lib.workspaces.reconcile"
local drift_actions = require "lib.workspaces.drift_actions"
local door = require "routes.door"
local filter = require "routes.filter"
local stack = require "routes.stack"

local shown = {} -- for the admin's page, which shows the same

-- Showing ----------------------------------------------------------------------------------------------------------------

-- Which texts tell of it: finding.WORD.detail and .advice.
local function word_of(row)
  if row.kind ~= "unknown" then return row.kind end
  if row.facts.part == "application" or row.taken == 1 and not row.resolved_at then return "duplicate" end
  return row.facts.application and row.facts.volume and "unknown" or "unfinished"
end

local function view(row, language)
  local facts, word, args = row.facts, word_of(row), { name = row.name }
  return {
    id = row.id, kind = row.kind, name = row.name, ownerId = row.owner_id, deploymentId = row.operation_id,
    projectId = facts.project and facts.project.id, applicationId = facts.application and facts.application.id,
    image = facts.image, volume = facts.volume, host = facts.domain and facts.domain.host, createdAt = facts.created_at,
    detail = i18n.text(language, "finding." .. word .. ".detail", args),
    advice = not row.resolved_at and i18n.text(language, "finding." .. word .. ".advice", args) or nil,
    since = clock.iso(row.found_at), resolvedAt = clock.iso(row.resolved_at), resolution = row.resolution,
    actions = json.array(drift_actions.actions(row)), statusUrl = row.work_id and "/api/status/" .. row.work_id or nil,
  }
end

local function views(rows, language, size)
  local list = {}
  for i = 1, math.min(#rows, size or #rows) do list[i] = view(rows[i], language) end
  return json.array(list)
end

-- How it stands with looking through Dokploy.
local function looked(language)
  local trouble = reconcile.trouble()
  return {
    at = clock.iso(drift.looked_at()) or json.null, running = reconcile.is_looking(),
    trouble = trouble and { code = trouble, detail = i18n.text(language, "finding.not_looked") } or nil,
  }
end

--- A page of them, as a document; nil when the journal cannot be read.
---@param which { limit: integer, before: integer|nil, all: boolean|nil }
---@param language string
function shown.page(which, language)
  local size = which.limit
  local rows = drift.page { limit = size + 1, before = which.before, all = which.all == true }
  if not rows then return nil end
  drift.refresh()
  return {
    findings = views(rows, language, size), next = #rows > size and rows[size].id or json.null,
    open = drift.counts().all, looked = looked(language),
  }
end

local function number_in(text) return #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text)) or nil end

server.route("GET", "/api/admin/findings", function(req)
  local who, refusal = door.allow(req, "list_finding", {})
  if not who then return refusal end
  local which
  which, refusal = filter.which(req, { "before", "all" })
  if not which then return refusal end
  local language = i18n.from(req)
  local doc = shown.page(which, language)
  if not doc then return problem.failure(req, "journal") end
  return { json = doc, headers = { Vary = "Authorization, Cookie, Accept-Language", ["Content-Language"] = language } }
end)

server.route("POST", "/api/admin/findings/look", function(req)
  local who, refusal = door.allow(req, "look_for_findings", {})
  if not who then return refusal end
  local asked
  asked, refusal = body.read(req, {}, true)
  if not asked then return refusal end
  reconcile.start()
  return { status = 202, json = { looked = looked(i18n.from(req)) } }
end)

-- Acting -----------------------------------------------------------------------------------------------------------------

--- The finding that the path names, if who asks may do that about it; else nil and the refusal.
function shown.find(req, action)
  local id = number_in(req.params.id)
  local row = id and drift.get(id)
  if id and row == nil then return nil, problem.failure(req, "journal") end
  local who, refusal = door.allow(req, action .. "_finding", {}, row and row.name or req.params.id)
  if not who then return nil, refusal end
  if not row then return nil, problem.reply(req, "finding_unknown", { args = { id = req.params.id } }) end
  return row
end

function shown.refused(req, row, code)
  if code:find("^dokploy_") then code = "dokploy_unreachable" end -- whatever it is, it is Dokploy that cannot be asked
  return problem.failure(req, code, { args = { name = row.name, id = tostring(row.id) } })
end

local function reply_with(req, id)
  local row = drift.get(id)
  return row and { json = view(row, i18n.from(req)) } or problem.failure(req, "journal")
end

server.route("POST", "/api/admin/findings/:id/adopt", function(req)
  local row, refusal = shown.find(req, "adopt")
  if not row then return refusal end
  local asked
  asked, refusal = body.read(req, {}, true)
  if not asked then return refusal end
  local done, _, code = drift_actions.adopt(row)
  return done and reply_with(req, row.id) or shown.refused(req, row, code)
end)

local function begin(req, action, fields)
  local row, refusal = shown.find(req, action)
  if not row then return refusal end
  local asked
  asked, refusal = body.read(req, fields, true)
  if not asked then return refusal end
  local data = asked.data or "keep"
  if data ~= "keep" and data ~= "delete" then return problem.value(req, "data", { "keep", "delete" }) end
  local operation, _, code = drift_actions.begin(action, row.id, data)
  return operation and stack.accepted(req, operation) or shown.refused(req, row, code)
end

server.route("POST", "/api/admin/findings/:id/repair", function(req) return begin(req, "repair", {}) end)
server.route("POST", "/api/admin/findings/:id/remove", function(req) return begin(req, "remove", { data = { type = "string" } }) end)

-- Several at once --------------------------------------------------------------------------------------------------------

-- The findings of these ids, or everything unknown; nil when the journal cannot be read.
local function chosen(asked)
  if asked.all and not asked.ids then return drift.open "unknown" end
  local rows = {}
  for i, id in ipairs(asked.ids or {}) do
    local row = math.tointeger(id) and drift.get(math.tointeger(id))
    if row == nil and math.tointeger(id) then return nil end
    rows[i] = row or { id = id, name = "", missing = true }
  end
  return rows
end

-- Which of them can be tried, and what is to be said of the others.
local function sorted(rows)
  local good, refusals = {}, {}
  for _, row in ipairs(rows) do
    if row.missing then
      refusals[#refusals + 1] = { row = row, code = "finding_unknown" }
    elseif row.resolved_at and row.resolution ~= "adopted" or row.kind ~= "unknown" then
      refusals[#refusals + 1] = { row = row, code = "finding_unfit" }
    else
      good[#good + 1] = row
    end
  end
  return good, refusals
end

local function told_refusals(req, list)
  local told = {}
  for i, refusal in ipairs(list) do
    local row, code = refusal.row, refusal.code
    local detail = i18n.text(i18n.from(req), "problem." .. code .. ".detail", { name = row.name, id = tostring(row.id) })
    told[i] = { id = row.id, name = row.name, code = code, detail = detail }
  end
  return json.array(told)
end

server.route("POST", "/api/admin/findings/adopt", function(req)
  local who, refusal = door.allow(req, "adopt_finding", {}, "*")
  if not who then return refusal end
  local asked
  asked, refusal = body.read(req, { ids = { type = "table" }, all = { type = "boolean" } })
  if not asked then return refusal end
  if not asked.ids and not asked.all then return problem.value(req, "ids", { "[1, 2, ...]" }) end
  local rows = chosen(asked)
  if not rows then return problem.failure(req, "journal") end
  local good, refusals = sorted(rows)
  local adopted, more = drift_actions.adopt_all(good)
  table.move(more, 1, #more, #refusals + 1, refusals)
  for i, row in ipairs(adopted) do adopted[i] = drift.get(row.id) or row end
  return { json = { adopted = views(adopted, i18n.from(req)), refused = told_refusals(req, refusals) } }
end)

return shown
