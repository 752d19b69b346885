--- What the forms of the admin's page do. Each brings the token of its session (lib/auth/csrf.lua), comes from the portal's own pages
--- (lib/http/origin.lua), is written into the trail, and leads to a page that shows what came of it.
local finding_parts = require "lib.admin.drift"
local keys = require "lib.admin.keys"
local parts = require "lib.admin.parts"
local stacks = require "lib.admin.stacks"
local engine = require "lib.operations.engine"
local body = require "lib.http.body"
local journal = require "lib.journal"
local drift = require "lib.journal.drift"
local problem = require "lib.http.problem"
local reconcile = require "lib.workspaces.reconcile"
local drift_actions = require "lib.workspaces.drift_actions"
local admin = require "routes.admin"
local pages = require "routes.admin_page"
local bulk = require "routes.bulk"
local door = require "routes.door"
local drift_routes = require "routes.drift"
local lists = require "routes.lists"

local function to(path) return { status = 303, headers = { Location = path } } end

-- The word that was typed to confirm, as it is compared.
local function typed(asked) return (asked.confirm or ""):lower():match("^%s*(.-)%s*$") end

-- Stacks -----------------------------------------------------------------------------------------------------------------

local act_fields = {
  act = { type = "string", required = true }, names = { type = "string", required = true }, data = { type = "string" },
  confirm = { type = "string" },
}

local function is_confirmed(asked, list)
  return asked.act ~= "delete" or typed(asked) == stacks.word(list)
end

pages.route("POST", "/admin/stacks/act", function(view, req)
  local asked, refusal = body.read(req, act_fields)
  if not asked then return refusal end
  local list = bulk.names(asked.names)
  if not bulk.knows(asked.act) or not list or #list == 0 then return to "/admin/stacks" end
  if not is_confirmed(asked, list) then
    return pages.question(view, asked.act, list, parts.say(view, "page.delete.mismatch", { name = stacks.word(list) }))
  end
  local data = asked.data == "delete" and "delete" or "keep"
  return to("/admin/stacks/done/" .. bulk.keep(bulk.run(req, view.who, asked.act, list, data)))
end)

-- Operations and leftovers -----------------------------------------------------------------------------------------------

pages.route("POST", "/admin/operations/:id/cancel", function(_, req)
  local asked, refusal = body.read(req, {})
  if not asked then return refusal end
  local operation, _, code = journal.operation(req.params.id)
  if not operation then return problem.failure(req, code or "deployment_unknown") end
  local who
  who, refusal = door.allow(req, "cancel", { owner_id = operation.owner_id }, operation.name)
  if not who then return refusal end
  local result
  result, _, code = engine.cancel(operation.id)
  return result and to "/admin/queue" or problem.failure(req, code)
end)

pages.route("POST", "/admin/leftovers/:id/try", function(_, req)
  local asked, refusal = body.read(req, {})
  if not asked then return refusal end
  local who
  who, refusal = door.allow(req, "try_leftovers", {}, req.params.id)
  if not who then return refusal end
  local gone, _, code = lists.try(req.params.id)
  if gone == nil and code ~= "deployment_unknown" then return problem.failure(req, code) end
  return to "/admin/leftovers"
end)

-- Findings ---------------------------------------------------------------------------------------------------------------

pages.route("POST", "/admin/findings/look", function(_, req)
  local asked, refusal = body.read(req, {})
  if not asked then return refusal end
  local who
  who, refusal = door.allow(req, "look_for_findings", {})
  if not who then return refusal end
  reconcile.start()
  return to "/admin/findings"
end)

pages.route("POST", "/admin/findings/adopt", function(view, req)
  local picked = {}
  for name in pairs(body.fields(req.body) or {}) do picked[#picked + 1] = name:match("^pick%.(%d+)$") end
  local fields, rows = { act = { type = "string" } }, {}
  for _, id in ipairs(picked) do
    fields["pick." .. id] = { type = "string" }
    local row = #id <= 15 and drift.get(math.tointeger(tonumber(id)))
    if row == nil then return problem.failure(req, "journal") end
    rows[#rows + 1] = row or nil
  end
  local asked, refusal = body.read(req, fields)
  if not asked then return refusal end
  local who
  who, refusal = door.allow(req, "adopt_finding", {}, table.concat(picked, " "))
  if not who then return refusal end
  local _, refused = drift_actions.adopt_all(rows)
  return #refused == 0 and to "/admin/findings" or pages.findings(view, req, finding_parts.refused(view, refused))
end)

pages.route("POST", "/admin/findings/:id/adopt", function(_, req)
  local asked, refusal = body.read(req, {})
  if not asked then return refusal end
  local row
  row, refusal = drift_routes.find(req, "adopt")
  if not row then return refusal end
  local done, _, code = drift_actions.adopt(row)
  return done and to "/admin/findings" or drift_routes.refused(req, row, code)
end)

local function begin(req, row, action, data)
  local operation, _, code = drift_actions.begin(action, row.id, data)
  return operation and to("/deployment/" .. operation.id) or drift_routes.refused(req, row, code)
end

pages.route("POST", "/admin/findings/:id/repair", function(_, req)
  local asked, refusal = body.read(req, {})
  if not asked then return refusal end
  local row
  row, refusal = drift_routes.find(req, "repair")
  return row and begin(req, row, "repair", "keep") or refusal
end)

pages.route("POST", "/admin/findings/:id/remove", function(view, req)
  local asked, refusal = body.read(req, { data = { type = "string" }, confirm = { type = "string" } })
  if not asked then return refusal end
  local row
  row, refusal = drift_routes.find(req, "remove")
  if not row then return refusal end
  if typed(asked) == row.name then return begin(req, row, "remove", asked.data == "delete" and "delete" or "keep") end
  return pages.ask_remove(view, row, parts.say(view, "page.delete.mismatch", { name = row.name }))
end)

-- Invites and tokens -----------------------------------------------------------------------------------------------------

-- Made by the same functions as programs use; the page tells the secret, this once.
local function made(what, fields, prepare, make)
  return function(view, req)
    local asked, refusal = body.read(req, fields)
    if not asked then return refusal end
    local row
    row, refusal = make(req, prepare(asked))
    if not row then return refusal end
    return pages.access(view, req, keys.told(view, what, row.code or row.token), 201)
  end
end

local function as_is(asked) return asked end

local function with_scopes(asked)
  local scopes = {}
  for name in pairs(asked) do scopes[#scopes + 1] = name:match("^scope%.(.+)$") end
  asked.scopes = table.concat(scopes, " ")
  return asked
end

local token_fields = { label = { type = "string" }, expiresIn = { type = "number" } }
for _, scope in ipairs(admin.scopes) do token_fields["scope." .. scope] = { type = "string" } end

pages.route("POST", "/admin/access/invites", made("invite", admin.invite_fields, as_is, admin.make_invite))
pages.route("POST", "/admin/access/tokens", made("token", token_fields, with_scopes, admin.make_token))

local function revoking(revoke)
  return function(_, req)
    local asked, refusal = body.read(req, {})
    if not asked then return refusal end
    local reply = revoke(req)
    return reply.json and to "/admin/access" or reply
  end
end

pages.route("POST", "/admin/access/invites/:id/revoke", revoking(admin.revoke_invite))
pages.route("POST", "/admin/access/tokens/:id/revoke", revoking(admin.revoke_token))
