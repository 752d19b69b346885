--- A stack, for its owner and the admin: look at it, delete it, list them. To everybody else it is not there.
local json = require "core.json"
local server = require "core.server"
local task = require "core.task"
local clock = require "lib.clock"
local engine = require "lib.engine"
local guard = require "lib.guard"
local i18n = require "lib.i18n"
local journal = require "lib.journal"
local names = require "lib.names"
local owner = require "lib.owner"
local problem = require "lib.problem"
local limits = require "policy.limits"

local OPEN_PATH = "/L3dvcmtzcGFjZQ/session" -- the page of /workspace in OpenCode; its front page shows no project

local function status_url(id) return "/api/status/" .. id end

local function unknown(req, name)
  return problem.reply(req, "stack_unknown", { args = { name = name } })
end

-- A row of the journal as people see it. `state` is the stack's, or while it is made, its deployment's.
local function view(stack)
  return {
    name = stack.name,
    state = stack.state,
    url = stack.url,
    openUrl = stack.url and stack.url .. OPEN_PATH,
    image = stack.image,
    template = stack.template,
    createdAt = clock.iso(stack.created_at),
    deploymentId = stack.operation_id,
    statusUrl = status_url(stack.state == "deleting" and stack.delete_id or stack.operation_id),
    volume = stack.volume,
  }
end

-- While it is made, its deployment tells more; when that ended with something left over, it failed.
local function refine(shown)
  if shown.state == "leftover" then shown.state = "failed" end
  if shown.state ~= "deploying" then return end
  local operation = journal.operation(shown.deploymentId)
  if operation then shown.state = operation.state end
end

local PATIENCE = 5 -- seconds that a view waits for Dokploy to tell the password

-- Why there is no password, and its text; any other reason is told as the first.
local no_password = {
  dokploy_unreachable = "password.dokploy_unreachable",
  dokploy_refused = "password.dokploy_refused",
  dokploy_unexpected_answer = "password.dokploy_unexpected_answer",
  not_found = "password.dokploy_unexpected_answer",
}

-- The password is Dokploy's to tell: without Dokploy the view comes without it, and says why.
local function add_password(shown, language)
  shown.username = "opencode"
  local password, _, code = task.run(PATIENCE, engine.password, shown.name)
  if password then
    shown.password = password
    return
  end
  if not no_password[code] then code = "dokploy_unreachable" end
  shown.passwordProblem = { code = code, detail = i18n.text(language, no_password[code]) }
end

local function stack_view(req)
  local name, who = names.fold(req.params.name), owner.from(req)
  local stack, _, code = journal.stack(name)
  if stack == nil then return problem.failure(req, code) end
  if not stack or not owner.may(who, stack.owner_id) then return unknown(req, name) end
  local shown = view(stack)
  refine(shown)
  if who.kind == "owner" and stack.state == "ready" then add_password(shown, i18n.from(req)) end
  return { json = shown, headers = { Vary = "Authorization, Accept-Language" } }
end

server.route("GET", "/api/stack/:name", stack_view)

local function accepted(operation)
  local url = status_url(operation.id)
  return {
    status = 202,
    json = { deploymentId = operation.id, name = operation.name, state = operation.state, statusUrl = url },
    headers = { Location = url },
  }
end

-- A repeated delete of what its owner has deleted already gives the same operation again: whoever lost the first answer gets it now.
local function deleted_before(req, name, who)
  local operation, _, code = journal.last(name, "delete")
  if operation == nil then return problem.failure(req, code) end
  if not operation or operation.state ~= "deleted" or not owner.may(who, operation.owner_id) then return unknown(req, name) end
  return accepted(operation)
end

local function delete(req, name, who, data)
  local stack, _, code = journal.stack(name)
  if stack == nil then return problem.failure(req, code) end
  if not stack then return deleted_before(req, name, who) end
  if not owner.may(who, stack.owner_id) then return unknown(req, name) end
  local operation
  operation, _, code = engine.delete { name = name, data = data, by = who.kind }
  if operation then return accepted(operation) end
  return problem.failure(req, code, { args = { name = name, id = req.id, url = status_url(stack.operation_id) } })
end

server.route("DELETE", "/api/stack/:name", guard.changing(function(req)
  local data = req.query.data or "keep"
  if data ~= "keep" and data ~= "delete" then return problem.value(req, "data", { "keep", "delete" }) end
  return delete(req, names.fold(req.params.name), owner.from(req), data)
end))

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
  local who, refusal = guard.known(req)
  if not who then return refusal end
  local size = limits.page_size(req.query.limit)
  if not size then return problem.value(req, "limit", { "1", "...", tostring(limits.page_max) }) end
  local rows, _, code = journal.stacks { owner_id = who.id, limit = size + 1, after = req.query.after }
  if not rows then return problem.failure(req, code) end
  local next_after = #rows > size and rows[size].name or json.null
  return {
    json = { stacks = shown_page(rows, size), next = next_after, keptData = kept_data(who.id) },
    headers = { Vary = "Authorization" },
  }
end)
