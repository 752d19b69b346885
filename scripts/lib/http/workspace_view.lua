--- A workspace as its owner and the admin see it. To everyone else it does not exist.
local json = require "core.json"
local shared = require "core.shared"
local task = require "core.task"
local auth = require "lib.auth"
local clock = require "lib.base.clock"
local refusal = require "lib.base.refusal"
local workspace = require "lib.base.workspace"
local document = require("lib.http.schemas").document
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local sleep = require "lib.journal.sleep"
local kept = require "lib.policy.kept"
local lifetimes = require "lib.policy.lifetimes"
local templates = require "lib.policy.templates"
local address = require "lib.workspaces.address"
local i18n = require "lib.pages.i18n"
local view = {}

local PASSWORD_SECONDS = 5 -- that an answer waits for Dokploy
local AUDIT_SECONDS = 3600 -- between two audit entries for looking at the same password

-- Finding

--- Raises what a workspace that does not exist answers.
function view.refuse_unknown(name) refusal.raise("stack_unknown", { args = { name = name } }) end

-- Refusals that would reveal whose the workspace is.
local is_masked = {
  key_missing = true, key_invalid = true, key_expired = true, key_revoked = true, not_owner = true,
}

--- Raises a refusal, or stack_unknown in its place if it would reveal that the workspace exists.
---@param code string
---@param name string
---@param options ProblemOptions|nil
function view.refuse(code, name, options)
  if is_masked[code] then view.refuse_unknown(name) end
  options = options or {}
  options.args = options.args or { name = name }
  refusal.raise(code, options)
end

--- Decides whether the person may act on a workspace; raises stack_unknown for everyone from whom
--- it is hidden.
---@param row table|false  the journal's row
---@return Who
function view.allow(req, action, name, row)
  local is_known, who, code, more = refusal.catch(auth.check, req, action, auth.what(row), name)
  if not is_known then view.refuse(who.code, name, who.options) end
  if not who then view.refuse(code, name, more) end
  if not row then view.refuse_unknown(name) end
  return who
end

--- The workspace of that name, for someone who may act on it so; raises otherwise.
---@param req Request
---@param action string
---@param name string
---@return table row, Who who
function view.find(req, action, name)
  local row = refusal.check(journal.stacks.get(name))
  return row, view.allow(req, action, name, row)
end

-- Showing

-- While it is being made, its deployment's state says more; one that left something has failed.
local function state_of(row)
  if row.state == "leftover" then return "failed" end
  if row.state == "stopped" and row.asleep == 1 then return "asleep" end
  local operation = row.state == "deploying" and journal.operations.get(row.operation_id)
  return operation and operation.state or row.state
end

--- The document, without trouble and password.
---@param row table
---@return table
function view.document(row)
  local shown_id = row.state == "deleting" and row.delete_id or row.operation_id
  return document("Stack", row, {
    state = state_of(row), openUrl = row.url and workspace.open(row.url),
    endsAt = clock.iso((lifetimes.ends(row))),
    extendSeconds = lifetimes.may_extend(row) and math.floor(lifetimes.extend) or nil,
    statusUrl = "/api/status/" .. shown_id, sleepAfterSeconds = templates.sleep_after(row.template),
  })
end

--- Volumes that outlived their workspaces, of one owner or all.
---@param owner_id string|nil
---@return table[]
function view.kept_data(owner_id)
  local list = {}
  for i, row in ipairs(journal.volumes.list(owner_id) or {}) do
    list[i] = document("KeptData", row, {
      since = clock.iso(row.at), ["until"] = clock.iso((kept.ends(row))),
    })
  end
  return json.array(list)
end

--- Why an unhealthy workspace is unhealthy, or that Dokploy no longer has it; or nil.
---@return { code: string, detail: string, since: string|nil }|nil
function view.trouble(row, language)
  local is_vanished = row.vanished == 1
  if row.state ~= "unhealthy" and not is_vanished then return nil end
  local code = is_vanished and "stack_vanished" or row.reason or "stack_silent"
  local since = row.state == "unhealthy" and row.since and clock.iso(row.since) or nil
  return { code = code, detail = i18n.text(language, "watch." .. code), since = since }
end

--- What the owner is told: a script's note, and the warning before the lifetime is over; or nil.
---@return string|nil
function view.note(row, language)
  local texts, parts = row.note and json.decode(row.note), {}
  if texts then parts[1] = texts[language] or texts[""] or texts.en or select(2, next(texts)) end
  local ends_at = row.ends_at and lifetimes.ends(row)
  if ends_at then
    local date = os.date("!%Y-%m-%d", math.floor(ends_at))
    parts[#parts + 1] = i18n.text(language, "note.lifetime", { date = date })
  end
  return #parts > 0 and table.concat(parts, "\n") or nil
end

local VISITS = 30 -- seconds between two notes of visits

--- Notes that its owner looks at it: it does not fall asleep for now.
---@param row table
function view.note_visit(row)
  if row.state ~= "ready" or not templates.sleep_after(row.template) then return end
  if not shared.add("view.visit:" .. row.operation_id, true, VISITS) then return end
  if sleep.note_visit(row) and row.sleeps_at then change_events.changed "stacks" end
end

-- The password

--- Whether a workspace in that state has a password to show.
---@return boolean
function view.has_password(row)
  return row.state == "ready" or row.state == "stopped" or row.state == "unhealthy"
end

-- Pages look often, so one audit entry an hour for each network is enough.
local function record_look(entry)
  local key = table.concat({ "revealed", entry.who.id or "", entry.name, entry.network }, " ")
  if not shared.add(key, true, AUDIT_SECONDS) then return end
  local is_recorded, failure = refusal.catch(auth.record, entry)
  if is_recorded then return end
  shared.set(key, nil)
  error(failure, 0)
end

--- Whether looking at a workspace shows the person its password; that goes into the audit log.
---@param req Request
---@param who Who
---@param row table
---@return boolean
function view.reveals(req, who, row)
  local entry = auth.decide(req, who, "reveal", auth.what(row), row.name)
  if not entry.allowed or not view.has_password(row) then return false end
  record_look(entry)
  return true
end

local no_password = {
  dokploy_unreachable = "password.dokploy_unreachable",
  dokploy_refused = "password.dokploy_refused",
  dokploy_unexpected_answer = "password.dokploy_unexpected_answer",
  not_found = "password.dokploy_unexpected_answer",
}

--- Adds the password to a document, or why it is not known: only Dokploy stores it.
---@param doc { name: string }
---@param language string
function view.add_password(doc, language)
  doc.username = "opencode"
  local password, _, code = task.run(PASSWORD_SECONDS, address.password, doc.name)
  if password then
    doc.password = password
    return
  end
  if not no_password[code] then code = "dokploy_unreachable" end
  doc.passwordProblem = { code = code, detail = i18n.text(language, no_password[code]) }
end

return view
