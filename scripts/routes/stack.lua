--- A stack, for its owner and the admin: look at it, list them, delete it. To everybody else it is not there.
local json = require "core.json"
local server = require "core.server"
local shared = require "core.shared"
local task = require "core.task"
local clock = require "lib.base.clock"
local names = require "lib.base.names"
local workspace = require "lib.base.workspace"
local engine = require "lib.operations.engine"
local purge = require "lib.operations.purge"
local body = require "lib.http.body"
local owner = require "lib.auth.owner"
local journal = require "lib.journal"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local limits = require "policy.limits"
local door = require "routes.door"

local stack = {}

local function status_url(id) return "/api/status/" .. id end

local function unknown(req, name)
  return problem.reply(req, "stack_unknown", { args = { name = name } })
end

-- Whose stack it is, is nobody's business: to all others it is not there.
local function masked(req, refusal, code, name)
  if refusal.status == 401 or code == "not_owner" then return unknown(req, name) end
  return refusal
end

--- The stack of that name, if who asks may do that with it; else nil and the refusal.
---@param req Request
---@param action string
---@param name string
---@return table|nil row, Who|Reply who_or_refusal
function stack.find(req, action, name)
  local row, _, trouble = journal.stack(name)
  if row == nil then return nil, problem.failure(req, trouble) end
  local who, refusal, code = door.allow(req, action, { owner_id = row and row.owner_id or nil }, name)
  if not who then return nil, masked(req, refusal, code, name) end
  if not row then return nil, unknown(req, name) end
  return row, who
end

--- The answer to something that was begun: where to follow it. A form is taken to its page.
---@param req Request
---@param operation table
---@return Reply
function stack.accepted(req, operation)
  if body.is_form(req) then return { status = 303, headers = { Location = "/deployment/" .. operation.id } } end
  local url = status_url(operation.id)
  return {
    status = 202,
    json = { deploymentId = operation.id, name = operation.name, state = operation.state, statusUrl = url },
    headers = { Location = url },
  }
end

-- Looking ----------------------------------------------------------------------------------------------------------------

-- A row of the journal as people see it. `state` is the stack's, or while it is made, its deployment's.
local function view(row)
  return {
    name = row.name,
    state = row.state,
    url = row.url,
    openUrl = row.url and workspace.open(row.url),
    image = row.image,
    template = row.template,
    createdAt = clock.iso(row.created_at),
    lastUsedAt = row.used_at and clock.iso(row.used_at) or nil,
    deploymentId = row.operation_id,
    statusUrl = status_url(row.state == "deleting" and row.delete_id or row.operation_id),
    volume = row.volume,
  }
end

-- While it is made, its deployment tells more; when that ended with something left over, it failed.
local function refine(shown)
  if shown.state == "leftover" then shown.state = "failed" end
  if shown.state ~= "deploying" then return end
  local operation = journal.operation(shown.deploymentId)
  if operation then shown.state = operation.state end
end

--- Adds what lib/workspaces/monitor.lua found, in words.
function stack.add_trouble(shown, row, language)
  if row.state ~= "unhealthy" then return end
  local code = row.reason or "stack_silent"
  shown.trouble = { code = code, detail = i18n.text(language, "watch." .. code), since = row.since and clock.iso(row.since) or nil }
end

local PATIENCE = 5 -- seconds that a view waits for Dokploy to tell the password

-- Why there is no password, and its text; any other reason is told as the first.
local no_password = {
  dokploy_unreachable = "password.dokploy_unreachable",
  dokploy_refused = "password.dokploy_refused",
  dokploy_unexpected_answer = "password.dokploy_unexpected_answer",
  not_found = "password.dokploy_unexpected_answer",
}

--- Adds the password. It is Dokploy's to tell: without Dokploy the view comes without it, and says why.
---@param shown table
---@param language string
function stack.add_password(shown, language)
  shown.username = "opencode"
  local password, _, code = task.run(PATIENCE, engine.password, shown.name)
  if password then
    shown.password = password
    return
  end
  if not no_password[code] then code = "dokploy_unreachable" end
  shown.passwordProblem = { code = code, detail = i18n.text(language, no_password[code]) }
end

-- States in which a stack has a password worth telling.
stack.stands = { ready = true, stopped = true, unhealthy = true }

local NOTED = 3600 -- seconds between two entries in the trail

-- Who looks at his stack is told its password: in the trail once in a while for each network, since pages look often.
local function note_reveal(req, entry)
  local key = table.concat({ "revealed", entry.who.id or "", entry.name, entry.network }, " ")
  if not shared.add(key, true, NOTED) then return nil end
  local refusal = door.note(req, entry)
  if refusal then shared.set(key, nil) end
  return refusal
end

--- Whether who asks is told the password of a stack, by looking at it; the refusal when that cannot be written down.
---@param req Request
---@param who Who
---@param row table
---@return boolean reveals, Reply? refusal
function stack.reveals(req, who, row)
  local entry = door.decide(req, who, "reveal", { owner_id = row.owner_id }, row.name)
  if not entry.allowed or not stack.stands[row.state] then return false end
  local refusal = note_reveal(req, entry)
  return not refusal, refusal
end

server.route("GET", "/api/stack/:name", function(req)
  local row, who = stack.find(req, "look", names.fold(req.params.name))
  if not row then return who end
  local shown = view(row)
  refine(shown)
  stack.add_trouble(shown, row, i18n.from(req))
  local reveals, refusal = stack.reveals(req, who, row)
  if refusal then return refusal end
  if reveals then stack.add_password(shown, i18n.from(req)) end
  return { json = shown, headers = { Vary = "Authorization, Cookie, Accept-Language" } }
end)

-- Deleting ---------------------------------------------------------------------------------------------------------------

-- Data that the deletion left behind go now, by an operation of their own; without any, it is the same deletion again.
local function repeated(req, operation, data)
  if data ~= "delete" then return stack.accepted(req, operation) end
  local kept, _, code = purge.kept(operation.name, operation.owner_id)
  if not kept then return problem.failure(req, code) end
  if #kept == 0 then return stack.accepted(req, operation) end
  local who, refusal = door.allow(req, "delete", { owner_id = operation.owner_id }, operation.name)
  if not who then return refusal end
  local purging
  purging, _, code = engine.purge(operation.name, operation.owner_id)
  return purging and stack.accepted(req, purging) or problem.failure(req, code)
end

-- The newest deletion of the name, by one owner or all: of the stack, or of the data that it left.
local function last_deletion(name, owner_id)
  local deletion, message, code = journal.last(name, "delete", owner_id)
  if not deletion then return deletion, message, code end
  local purged = journal.last(name, "purge", deletion.owner_id)
  return purged and purged.created_at > deletion.created_at and purged or deletion
end

-- A repeated delete of what its owner has deleted already gives the same operation again: whoever lost the first answer gets it now. And
-- whoever has files left of it can remove them, whoever has the name today.
local function deleted_before(req, name, data)
  local who, refusal = door.who(req)
  if not who then return masked(req, refusal, nil, name) end
  local admin = owner.is_admin(who)
  if not admin and not who.id then return unknown(req, name) end
  local operation, _, code = last_deletion(name, not admin and who.id or nil)
  if operation == nil then return problem.failure(req, code) end
  if not operation or operation.kind ~= "purge" and operation.state ~= "deleted" then return unknown(req, name) end
  return repeated(req, operation, data)
end

-- It may have been deleted just now, between two looks, or long ago and be somebody else's now.
local function unless_deleted(req, name, data, refusal)
  if refusal.status ~= 404 then return refusal end
  return deleted_before(req, name, data)
end

local function delete(req, data)
  local name = names.fold(req.params.name)
  local there, _, code = journal.stack(name)
  if there == nil then return problem.failure(req, code) end
  if not there then return deleted_before(req, name, data) end
  local row, who = stack.find(req, "delete", name)
  if not row then return unless_deleted(req, name, data, who) end
  local operation
  operation, _, code = engine.delete { name = name, owner_id = row.owner_id, data = data, by = who.kind }
  if operation then return stack.accepted(req, operation) end
  if code == "stack_unknown" then return unless_deleted(req, name, data, unknown(req, name)) end
  return problem.failure(req, code, { args = { name = name, id = req.id, url = status_url(row.operation_id) } })
end

local function is_choice(data) return data == "keep" or data == "delete" end

server.route("DELETE", "/api/stack/:name", function(req)
  local data = req.query.data or "keep"
  if not is_choice(data) then return problem.value(req, "data", { "keep", "delete" }) end
  return delete(req, data)
end)

-- What a form can do: the same, by POST.
server.route("POST", "/api/stack/:name/delete", function(req)
  local asked, refusal = body.read(req, { data = { type = "string" } }, true)
  if not asked then return refusal end
  local data = asked.data or "keep"
  if not is_choice(data) then return problem.value(req, "data", { "keep", "delete" }) end
  return delete(req, data)
end)

-- Listing ----------------------------------------------------------------------------------------------------------------

local function kept_data(owner_id)
  local list = {}
  for i, volume in ipairs(journal.volumes(owner_id) or {}) do
    list[i] = { volume = volume.volume, name = volume.name, reason = volume.reason, since = clock.iso(volume.at) }
  end
  return json.array(list)
end

local function shown_page(rows, size)
  local list = {}
  for i = 1, math.min(#rows, size) do
    list[i] = view(rows[i])
    refine(list[i])
  end
  return json.array(list)
end

server.route("GET", "/api/stacks", function(req)
  local who, refusal = door.allow(req, "list", {})
  if not who then return refusal end
  local size = limits.page_size(req.query.limit)
  if not size then return problem.value(req, "limit", { "1", "...", tostring(limits.page_max) }) end
  local owner_id = not owner.is_admin(who) and who.id or nil
  local rows, _, code = journal.stacks { owner_id = owner_id, limit = size + 1, after = req.query.after }
  if not rows then return problem.failure(req, code) end
  local next_after = #rows > size and rows[size].name or json.null
  return {
    json = { stacks = shown_page(rows, size), next = next_after, keptData = kept_data(owner_id) },
    headers = { Vary = "Authorization, Cookie" },
  }
end)

return stack
