--- POST /api/deploy: accepts a deployment and answers at once; the work goes on in lib/operations/engine.lua.
local config = require "core.config"
local crypto = require "core.crypto"
local json = require "core.json"
local server = require "core.server"
local task = require "core.task"
local names = require "lib.base.names"
local engine = require "lib.operations.engine"
local audit = require "lib.auth.audit"
local body = require "lib.http.body"
local client = require "lib.http.client"
local credentials = require "lib.auth.credentials"
local deciding = require "lib.auth.deciding"
local owner = require "lib.auth.owner"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local problem = require "lib.http.problem"
local limits = require "policy.limits"
local policy = require "policy.names"
local templates = require "policy.templates"
local door = require "routes.door"

local fields = { name = { type = "string", required = true }, template = { type = "string" }, invite = { type = "string" } }

local quotas = limits.of(limits.quotas, config.production)
local reserved = policy.set(config.reserved_names)

local function is_free(name) return reservations.get(name) == nil end

local function suggestions(name)
  return { suggestions = json.array(policy.suggest(name, reserved, is_free)) }
end

local function check_name(req, typed)
  local name = names.fold(typed)
  local ok, code, reason = policy.check(name, reserved)
  if ok then return name end
  return nil, problem.reply(req, code, {
    field = "name",
    detail = reason and "name.invalid." .. reason,
    args = { name = name, min = names.min, max = names.max },
    more = suggestions(typed),
  })
end

-- May he? ----------------------------------------------------------------------------------------------------------------

-- What the invite is worth: its state and id; nothing when none came along; or the refusal.
local function judge_invite(req, deploy)
  if not deploy.by.code then return nil, nil end
  local state, id = deploy:invite()
  if not state then return nil, nil, problem.failure(req, "journal") end
  if state == "unknown" then return state, nil, door.wrong_guess(req) end
  return state, id
end

-- Each owner has a bucket of his own, and all clients together have one.
local function too_many(req, who)
  if owner.is_admin(who) then return nil end
  local refusal = who.id and door.take(req, "deploy", "owner " .. who.id)
  return refusal or (door.take(req, "deploy_all", "")) or nil
end

-- What the audit trail and the origin will say, when policy allows it; else nil and the refusal.
local function permitted(req, who, name, deploy)
  local state, invite_id, refusal = judge_invite(req, deploy)
  if refusal then return nil, refusal end
  local stacks = deploy:stacks()
  if not stacks then return nil, problem.failure(req, "journal") end
  local entry, code = door.decide(req, who, "deploy", { invite = state, stacks = stacks, quotas = quotas }, name)
  if not entry.allowed then
    return nil, door.note(req, entry) or problem.reply(req, code, { args = { name = name }, field = state and "invite" or nil })
  end
  refusal = too_many(req, who)
  if refusal then return nil, refusal end
  return { entry = entry, invite_id = invite_id, deploy = deploy }
end

-- Doing it ---------------------------------------------------------------------------------------------------------------

-- A new owner's key is told to whoever made him; always the first one, so that a replay never tells a later one. A user whom the proxy
-- knows, and a token, need none.
local function key_for(who, operation)
  if who.kind == "owner" then return owner.key(who.id) end
  return not who.id and owner.key(operation.owner_id, 0) or nil
end

local function answer(req, who, operation)
  local status_url, key = "/api/status/" .. operation.id, key_for(who, operation)
  local cookie = key and who.kind ~= "admin" and owner.cookie(req, key) or nil
  if body.is_form(req) then
    return { status = 303, headers = { Location = "/deployment/" .. operation.id, ["Set-Cookie"] = cookie } }
  end
  return {
    status = 202,
    json = {
      deploymentId = operation.id, name = operation.name, url = operation.url, statusUrl = status_url, ownerKey = key,
      template = operation.template,
    },
    headers = { Location = status_url, ["Set-Cookie"] = cookie },
  }
end

local function digest(kind, id, key) return crypto.sha256(table.concat({ kind, id or "", key }, "\n")) end

-- A visitor is told a new owner's key again for his Idempotency-Key alone, so it is as good as that key. A short one may be guessed
-- ("anna-1"): it counts only from where it came first.
local function visitors_digest(req, key)
  return digest("visitor", #key < limits.idempotency_random and client.of(req).key or nil, key)
end

-- A browser whose answer was lost may have its cookie all the same: it asked as a visitor then, and asks as the owner now.
local function owners_digest(req, who, key)
  if who.kind == "visitor" then return visitors_digest(req, key) end
  local as_visitor = who.via == "cookie" and visitors_digest(req, key)
  local before = as_visitor and journal.idempotency(as_visitor)
  local operation = before and journal.operation(before.operation_id)
  return operation and operation.owner_id == who.id and as_visitor or digest(who.kind, who.id, key)
end

-- What an Idempotency-Key stands for. Keys of one owner are nobody else's; the body counts by what it means, not by how it is written.
local function idempotency(req, who, name, template)
  local key = req.headers["idempotency-key"]
  if not key then return nil end
  if not key:find("^[\x21-\x7e]+$") or #key > limits.idempotency_key then
    return nil, problem.reply(req, "idempotency_key_invalid", { args = { max = limits.idempotency_key } })
  end
  return {
    key = owners_digest(req, who, key),
    body_hash = crypto.sha256(name .. "\n" .. template.id),
  }
end

local function refused(req, name, code, retry_after)
  local options = { args = { name = name, id = req.id } }
  if code == "queue_full" then options.retry_after = retry_after or 30 end
  if code == "name_taken" then options.field, options.more = "name", suggestions(name) end
  return problem.failure(req, code, options)
end

-- What is written together with the deployment, at once: where it came from, and who did it by which rule.
local function notes(req, grant)
  return function(id)
    grant.deploy:done()
    return {
      credentials.origin_statement(id, client.of(req).network, grant.invite_id),
      audit.statement(grant.entry, id),
    }
  end
end

local function deploy(req, who, wanted, grant)
  local template = wanted.template
  local operation, _, code, retry_after = engine.deploy {
    name = wanted.name,
    template = template.id,
    image = template.image,
    memory_bytes = template.memory_bytes,
    cpu_nanos = template.cpu_nanos,
    env = template.env,
    owner_id = who.id or owner.new(),
    idempotency = wanted.idempotency,
    also = grant and notes(req, grant),
  }
  if not operation then return refused(req, wanted.name, code, retry_after) end
  return answer(req, who, operation)
end

-- What was accepted before is answered again, whatever the rules say now.
local function is_replay(idempotent) return idempotent ~= nil and journal.idempotency(idempotent.key) and true or false end

local function decide_and_deploy(req, who, wanted)
  if is_replay(wanted.idempotency) then return deploy(req, who, wanted) end
  local by = { owner_id = who.id, network = client.of(req).network, code = wanted.invite }
  local counted <close> = deciding.begin(by, next(quotas) ~= nil)
  local grant, refusal = permitted(req, who, wanted.name, counted)
  if not grant then return refusal end
  return deploy(req, who, wanted, grant)
end

local function template_of(req, id)
  local template = templates.find(id, config.stack)
  if template then return template end
  return nil, problem.reply(req, "template_unknown", { field = "template", args = { good = table.concat(templates.ids(), ", ") } })
end

-- The request as it is meant, or nil and the refusal.
local function read(req, who)
  local asked, refusal = body.read(req, fields)
  if not asked then return nil, refusal end
  local wanted = { invite = asked.invite }
  wanted.name, refusal = check_name(req, asked.name)
  if not wanted.name then return nil, refusal end
  wanted.template, refusal = template_of(req, asked.template)
  if not wanted.template then return nil, refusal end
  wanted.idempotency, refusal = idempotency(req, who, wanted.name, wanted.template)
  if refusal then return nil, refusal end
  return wanted
end

server.route("POST", "/api/deploy", function(req)
  local who, refusal = door.who(req)
  if not who then return refusal end
  local wanted
  wanted, refusal = read(req, who)
  if not wanted then return refusal end
  if not wanted.idempotency then return decide_and_deploy(req, who, wanted) end
  -- Of the same request sent twice at once, the second is a replay of the first, and no second use of an invite or a quota.
  return task.lock("asked:" .. wanted.idempotency.key, decide_and_deploy, req, who, wanted)
end)
