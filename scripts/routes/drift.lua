--- Drift between the journal and Dokploy, for the admin: the list, and adopt, repair, remove. The
--- paths of version 0.1, /api/admin/findings..., answer as well.
local drift_list = require "lib.admin.drift_list"
local auth = require "lib.auth"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local input = require "lib.http.input"
local routes = require "lib.http.routes"
local drift = require "lib.journal.drift"
local i18n = require "lib.pages.i18n"
local reconcile = require "lib.workspaces.reconcile"

local function list(req, values)
  return answer.private(req, drift_list.page(values, i18n.from(req)))
end

local function compare(req)
  reconcile.start()
  return { status = 202, json = { looked = drift_list.last_run(i18n.from(req)) } }
end

local function adopt_several(req, values)
  if not values.ids and not values.all then input.refuse("ids", "[1, 2, ...]") end
  local name = values.ids and table.concat(values.ids, " ") or "*"
  auth.allow(req, "adopt_finding", {}, name)
  return { json = drift_list.adopt(values, i18n.from(req)) }
end

local function adopt(req)
  local row = drift_list.find(req, "adopt")
  drift_list.adopt_one(row)
  local adopted = refusal.check(drift.get(row.id))
  return { json = drift_list.view(adopted, i18n.from(req)) }
end

local function repair(req)
  local row = drift_list.find(req, "repair")
  return answer.accepted(req, drift_list.begin("repair", row, "keep"))
end

local function remove(req, values)
  local row = drift_list.find(req, "remove")
  return answer.accepted(req, drift_list.begin("remove", row, values.data or "keep"))
end

local begun = { [202] = { "Begun; follow statusUrl", schema = "Operation", location = true } }

routes.add("Administration", {
  { "GET", "/api/admin/drift", list, alias = "/api/admin/findings",
    summary = "Drift between the journal and Dokploy",
    text = "Newest first. The portal compares on start and every few minutes and changes nothing "
      .. "by itself. Kinds: `vanished` (a workspace of the journal that is not in Dokploy), "
      .. "`unknown` (something with this portal's tag that the journal does not know; its name is "
      .. "taken until that is settled), `in_error` (Dokploy could not deploy it). `actions` says "
      .. "what can be done.",
    access = "admin", allow = "list_finding", query = { "limit", "before", "all" },
    answers = { [200] = "Findings" } },

  { "POST", "/api/admin/drift/run", compare, alias = "/api/admin/findings/look",
    summary = "Compare now",
    text = "Concurrent with everything else, and never twice at a time; `looked.at` of the list "
      .. "changes when it is done.",
    access = "admin", allow = "look_for_findings",
    answers = { [202] = "DriftRunStarted" } },

  { "POST", "/api/admin/drift/adopt", adopt_several, alias = "/api/admin/findings/adopt",
    summary = "Adopt several",
    text = "With `all`, everything unknown that can be adopted: the way back after the journal "
      .. "was lost.",
    access = "admin", identify = true, body = "AdoptFindings",
    answers = { [200] = "Adoptions" } },

  { "POST", "/api/admin/drift/:id/adopt", adopt, alias = "/api/admin/findings/:id/adopt",
    summary = "Adopt an unknown workspace",
    text = "Done at once: only the journal is written. It belongs again to the owner in its tag, "
      .. "whose first key opens it. Idempotent.",
    access = "admin",
    answers = { [200] = "Finding" },
    problems = { "finding_unknown", "finding_unfit", "finding_gone", "stack_busy", "name_taken" } },

  { "POST", "/api/admin/drift/:id/repair", repair, alias = "/api/admin/findings/:id/repair",
    summary = "Repair",
    text = "`in_error`: it is deployed again. `vanished`: it is made again on its files, with a "
      .. "new password. As long as its old container or the route to it is still there, which "
      .. "Dokploy leaves behind when a project is removed, the answer is `service_remains`, with "
      .. "the command that removes both. Idempotent; the entry is resolved when the operation "
      .. "ends with the event ready.",
    access = "admin", answers = begun,
    problems = { "finding_unknown", "finding_unfit", "finding_gone", "stack_busy", "stack_unfit",
      "service_remains", "dokploy_unreachable" } },

  { "POST", "/api/admin/drift/:id/remove", remove, alias = "/api/admin/findings/:id/remove",
    summary = "Remove",
    text = "`unknown`: it is removed from Dokploy, and that is verified. `vanished`: its record is "
      .. "removed. Files are kept and listed unless `data` is `delete`. Idempotent; the entry is "
      .. "resolved when the operation ends with the event deleted.",
    access = "admin", body = "DeleteData", answers = begun,
    problems = { "finding_unknown", "finding_unfit", "finding_gone", "stack_busy",
      "service_remains", "dokploy_unreachable" } },
})
