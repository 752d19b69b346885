--- More entries for routes/openapi.lua, of the form that openapi_entries.lua tells: what the journal and Dokploy do not agree on.
local json = require "core.json"

local admin = json.array { { adminToken = json.array {} }, { apiToken = json.array {} } }
local who = { "admin_only", "key_missing", "key_invalid", "key_expired", "key_revoked", "scope_missing", "forbidden_origin", "rate_limited",
  "journal" }

local function problems(...)
  local list = { ... }
  table.move(who, 1, #who, #list + 1, list)
  return list
end

return {
  {
    "GET", "/api/admin/findings", "What the journal and Dokploy do not agree on", parameters = { "limit", "before", "all", "lang" },
    security = admin,
    text = "Newest first. The portal looks through Dokploy on start and every few minutes; nothing is changed by itself. Kinds: `vanished` "
      .. "(a stack of the journal that is not in Dokploy), `unknown` (something in Dokploy with this portal's mark that the journal does "
      .. "not know; its name is taken until that is settled), `in_error` (Dokploy could not deploy it). `actions` says what may be done.",
    answers = { [200] = { "A page of them", "Findings" } }, problems = problems "value_invalid",
  },
  {
    "POST", "/api/admin/findings/look", "Look through Dokploy now", parameters = { "lang" }, security = admin,
    text = "Beside everything else, and never twice at a time; `looked.at` of the list changes when it is done.",
    answers = { [202] = { "It is being looked through", "Looked" } }, problems = problems(),
  },
  {
    "POST", "/api/admin/findings/adopt", "Adopt several at once", parameters = { "lang" }, security = admin, body = "AdoptFindings",
    text = "With `all`, everything unknown that can be adopted: the way back when the journal was lost.",
    answers = { [200] = { "What became of each", "Adoptions" } },
    problems = problems("value_invalid", "field_type", "field_unknown", "json_invalid"),
  },
  {
    "POST", "/api/admin/findings/:id/adopt", "Make an unknown stack one of the journal's again", parameters = { "row_id", "lang" },
    security = admin,
    text = "Done at once: the journal alone is written. It is its owner's again, as the mark in Dokploy says, and the owner's first key "
      .. "opens it. Asked again, the same answer.",
    answers = { [200] = { "The finding, resolved", "Finding" } }, problems = problems("finding_unknown", "finding_unfit", "name_taken"),
  },
  {
    "POST", "/api/admin/findings/:id/repair", "Make it good again", parameters = { "row_id", "lang" }, security = admin,
    text = "`in_error`: it is deployed once more. `vanished`: it is made again, on the files that it had, with a new password. "
      .. "Asked again, the same operation; the finding is resolved when it ends with the event ready.",
    answers = { [202] = { "Begun; follow statusUrl", "Operation", location = true } },
    problems = problems("finding_unknown", "finding_unfit", "finding_gone", "stack_busy", "stack_unfit", "dokploy_unreachable"),
  },
  {
    "POST", "/api/admin/findings/:id/remove", "Take it away", parameters = { "row_id", "lang" }, security = admin, body = "DeleteForm",
    text = "`unknown`: it is removed from Dokploy, and proved to be gone. `vanished`: its record is removed. Files are kept, and listed, "
      .. "unless `data` is `delete`. Asked again, the same operation; the finding is resolved when it ends with the event deleted.",
    answers = { [202] = { "Begun; follow statusUrl", "Operation", location = true } },
    problems = problems("finding_unknown", "finding_unfit", "finding_gone", "value_invalid", "stack_busy", "dokploy_unreachable"),
  },
}
