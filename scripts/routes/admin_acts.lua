--- What the forms of the admin's page do. Each brings the token of its session (lib/csrf.lua), comes from the portal's own pages
--- (lib/origin.lua), is written into the trail, and leads to a page that shows what came of it.
local body = require "lib.body"
local engine = require "lib.engine"
local journal = require "lib.journal"
local keys = require "lib.admin.keys"
local parts = require "lib.admin.parts"
local stacks = require "lib.admin.stacks"
local admin = require "routes.admin"
local bulk = require "routes.bulk"
local door = require "routes.door"
local lists = require "routes.lists"
local pages = require "routes.admin_page"
local problem = require "lib.problem"

local function to(path) return { status = 303, headers = { Location = path } } end

-- Stacks -----------------------------------------------------------------------------------------------------------------

local act_fields = {
  act = { type = "string", required = true }, names = { type = "string", required = true }, data = { type = "string" },
  confirm = { type = "string" },
}

local function is_confirmed(asked, list)
  return asked.act ~= "delete" or (asked.confirm or ""):lower():match("^%s*(.-)%s*$") == stacks.word(list)
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

-- Invites and tokens -----------------------------------------------------------------------------------------------------

-- Made by the same functions as programs use; the page tells the secret, this once.
local function made(what, fields, prepare, make)
  return function(view, req)
    local asked, refusal = body.read(req, fields)
    if not asked then return refusal end
    local row
    row, refusal = make(req, prepare(asked))
    if not row then return refusal end
    return pages.access(view, keys.told(view, what, row.code or row.token), 201)
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
