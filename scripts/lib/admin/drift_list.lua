--- Drift between the journal and Dokploy: its JSON documents, and what the admin does about it, for
--- the API and the admin pages.
local json = require "core.json"
local auth = require "lib.auth"
local clock = require "lib.base.clock"
local refusal = require "lib.base.refusal"
local document = require("lib.http.schemas").document
local drift = require "lib.journal.drift"
local i18n = require "lib.pages.i18n"
local drift_actions = require "lib.operations.drift_actions"
local reconcile = require "lib.workspaces.reconcile"
local remains = require "lib.workspaces.remains"
local drift_list = {}

-- Which texts describe an entry: finding.KEY.detail and finding.KEY.advice.
local function text_key(row)
  if row.kind == "vanished" and row.facts.is_left then return "remains" end
  if row.kind ~= "unknown" then return row.kind end
  local is_taken = row.taken == 1 and not row.resolved_at
  if row.facts.part == "application" or is_taken then return "duplicate" end
  return row.facts.application and row.facts.volume and "unknown" or "unfinished"
end

--- One entry.
---@param row table  of lib/journal/drift.lua
---@param language string
---@return table
function drift_list.view(row, language)
  local facts, args = row.facts, { name = row.name }
  local left = facts.is_left and not row.resolved_at and remains.args(facts.service) or {}
  local key = "finding." .. text_key(row)
  return document("Finding", row, {
    projectId = facts.project and facts.project.id,
    applicationId = facts.application and facts.application.id, image = facts.image,
    volume = facts.volume, host = facts.domain and facts.domain.host,
    service = left.service, command = left.command,
    createdAt = facts.created_at, detail = i18n.text(language, key .. ".detail", args),
    advice = not row.resolved_at and i18n.text(language, key .. ".advice", args) or nil,
    since = clock.iso(row.found_at), actions = json.array(drift_actions.actions(row)),
    statusUrl = row.work_id and "/api/status/" .. row.work_id or nil,
  })
end

local function views(rows, language)
  local list = {}
  for i, row in ipairs(rows) do list[i] = drift_list.view(row, language) end
  return json.array(list)
end

--- The last comparison with Dokploy.
---@param language string
---@return table
function drift_list.last_run(language)
  local code = reconcile.last_error()
  return {
    at = clock.iso(drift.last_run_at()) or json.null,
    running = reconcile.is_running(),
    trouble = code and { code = code, detail = i18n.text(language, "finding.not_looked") } or nil,
  }
end

--- A page of entries, newest first. Raises the journal's failures.
---@param filter { limit: integer, before: integer|nil, all: boolean|nil }
---@param language string
---@return table
function drift_list.page(filter, language)
  local rows, next_id = refusal.check(drift.page(filter))
  drift.refresh()
  return {
    findings = views(rows, language), next = next_id or json.null, open = drift.counts().all,
    looked = drift_list.last_run(language),
  }
end

-- One entry

--- The entry that the path names, for someone who may do that about it; raises otherwise.
---@param req Request
---@param action string  list adopt repair remove
---@return table row
function drift_list.find(req, action)
  local text = req.params.id
  local id = #text <= 15 and text:find("^%d+$") and math.tointeger(tonumber(text))
  local row = id and refusal.check(drift.get(id))
  auth.allow(req, action .. "_finding", {}, row and row.name or text)
  return row or refusal.raise("finding_unknown", { args = { id = text } })
end

-- Raises the failure of an action. Whatever Dokploy's is, Dokploy could not be asked.
local function check(row, result, _, code, args)
  if result then return result end
  if code:find("^dokploy_") then code = "dokploy_unreachable" end
  args = args or {}
  args.name, args.id = row.name, tostring(row.id)
  refusal.raise(code, { args = args })
end

--- Adopts an entry.
function drift_list.adopt_one(row) check(row, drift_actions.adopt(row)) end

--- Begins to repair or remove.
---@param action string
---@param row table
---@param data string  keep or delete
---@return table operation
function drift_list.begin(action, row, data)
  return check(row, drift_actions.begin(action, row.id, data))
end

-- Adopting several

-- The chosen rows, or every unknown one; an id without a row gives { id, name = "" }.
local function chosen(asked)
  if asked.all and not asked.ids then return refusal.check(drift.open "unknown") end
  local rows = {}
  for i, id in ipairs(asked.ids or {}) do
    rows[i] = refusal.check(drift.get(id)) or { id = id, name = "", is_missing = true }
  end
  return rows
end

-- Why a row cannot even be tried.
local function fault_of(row)
  if row.is_missing then return "finding_unknown" end
  if row.kind ~= "unknown" then return "finding_unfit" end
  if row.resolved_at and row.resolution ~= "adopted" then return "finding_unfit" end
end

--- Adopts several entries.
---@param asked { ids: integer[]|nil, all: boolean|nil }
---@param language string
---@return { adopted: table[], refused: table[] } document
function drift_list.adopt(asked, language)
  local candidates, refused = {}, {}
  for _, row in ipairs(chosen(asked)) do
    local code = fault_of(row)
    if code then
      refused[#refused + 1] = { row = row, code = code }
    else
      candidates[#candidates + 1] = row
    end
  end
  local adopted, more = drift_actions.adopt_all(candidates)
  table.move(more, 1, #more, #refused + 1, refused)
  for i, row in ipairs(adopted) do adopted[i] = drift.get(row.id) or row end
  for i, item in ipairs(refused) do
    local args = { name = item.row.name, id = tostring(item.row.id) }
    local detail = i18n.text(language, "problem." .. item.code .. ".detail", args)
    refused[i] = { id = item.row.id, name = item.row.name, code = item.code, detail = detail }
  end
  return { adopted = views(adopted, language), refused = json.array(refused) }
end

return drift_list
