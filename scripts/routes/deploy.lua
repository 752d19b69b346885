--- POST /api/deploy: accepts a deployment and answers at once; lib/operations carries it out.
local crypto = require "core.crypto"
local shared = require "core.shared"
local task = require "core.task"
local auth = require "lib.auth"
local admission = require "lib.auth.admission"
local audit = require "lib.auth.audit"
local client = require "lib.auth.client"
local decisions = require "lib.auth.decisions"
local identity = require "lib.auth.identity"
local rate_limit = require "lib.auth.rate_limit"
local media = require "lib.base.media"
local names = require "lib.base.names"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local template_parameters = require "lib.http.template_parameters"
local journal = require "lib.journal"
local access = require "lib.journal.access"
local accept = require "lib.operations.accept"
local suggestions = require "lib.operations.suggestions"
local limits = require "lib.policy.limits"
local name_policy = require "lib.policy.names"
local templates = require "lib.policy.templates"
local sorted_keys = require("lib.schema").sorted_keys

local AUDIT_SECONDS = 3600 -- between two audit entries for repeating the same request

local function checked_name(req, who, typed)
  local name = names.fold(typed)
  local is_good, code, reason, more = name_policy.check(name, who, (client.host(req)))
  if is_good then return name end
  if not reason then auth.note_name(req, who, name, code) end
  auth.refuse(code, more, {
    field = "name",
    detail = reason and "name.invalid." .. reason,
    args = { name = name, min = names.min, max = names.max },
    more = { suggestions = suggestions(name, who, code) },
  })
end

-- Kept files

-- Adds the files that were asked for, and the deploy that they are from, if they are the person's.
local function add_files(who, request)
  if not request.volume then return end
  local row = refusal.check(journal.volumes.get(request.volume))
  if not row or not identity.can_manage(who, row.owner_id) then return end
  request.files, request.before = row, refusal.check(journal.operations.get(row.operation_id))
end

local function check_files(request)
  if not request.volume then return end
  if not request.files then refusal.raise("files_unknown", { field = "files" }) end
  if request.files.state ~= "kept" then
    refusal.raise("stack_busy", { field = "files", args = { name = request.files.name } })
  end
end

-- Template and parameters

local function template_of(id)
  local template = templates.find(id)
  if template then return template end
  local good = table.concat(templates.ids(), ", ")
  refusal.raise("template_unknown", { field = "template", args = { good = good } })
end

-- Repeated requests

local function digest(kind, id, key)
  return crypto.sha256(table.concat({ kind, id or "", key }, "\n"))
end

-- A visitor's key alone reveals a new owner's key again, so a short one, which could be guessed
-- ("anna-1"), is bound to the client that used it first.
local function visitor_digest(req, key)
  local is_guessable = #key < limits.idempotency_random
  return digest("visitor", is_guessable and client.of(req).key or nil, key)
end

-- The key belongs to the person. A browser whose answer was lost may have its cookie all the same:
-- it asked as a visitor then, and asks as the owner now.
local function digest_of(req, who, key)
  if who.kind == "visitor" then return visitor_digest(req, key) end
  local own = digest(who.kind, who.id, key)
  if who.via ~= "cookie" then return own end
  local as_visitor = visitor_digest(req, key)
  local before = journal.idempotency.get(as_visitor)
  local operation = before and journal.operations.get(before.operation_id)
  return operation and operation.owner_id == who.id and as_visitor or own
end

-- The key that was sent, bare or as a string of RFC 8941: "K" is K.
local function sent_key(text)
  local quoted = text:match('^"(.*)"$')
  if not quoted then return text:find('^"') and "" or text end
  local bare = quoted:gsub('\\([\\"])', "")
  return bare:find '[\\"]' and "" or quoted:gsub('\\([\\"])', "%1")
end

-- The body by its meaning, not by its bytes. Secrets do not count: their hash would be kept.
local function meaning_of(request)
  local parts = { request.name, request.volume and request.given_template or request.template.id }
  parts[#parts + 1] = request.volume
  local given = request.parameters.are_inherited and {} or request.parameters.values
  for _, values in ipairs { given, request.parameters.secrets } do
    for _, key in ipairs(sorted_keys(values)) do
      local is_secret = values == request.parameters.secrets
      parts[#parts + 1] = is_secret and key or key .. "=" .. tostring(values[key])
    end
  end
  return table.concat(parts, "\n")
end

-- What an Idempotency-Key stands for.
local function idempotency_of(req, who, request)
  local text = req.headers["idempotency-key"]
  if not text then return nil end
  local key = sent_key(text)
  if not key:find("^[\x21-\x7e]+$") or #key > limits.idempotency_key then
    refusal.raise("idempotency_key_invalid", { args = { max = limits.idempotency_key } })
  end
  local body_hash = crypto.sha256(meaning_of(request))
  local is_guessable = who.kind == "visitor" and #key < limits.idempotency_random
  return { key = digest_of(req, who, key), body_hash = body_hash, is_guessable = is_guessable }
end

-- May they?

-- The state, id and label of the invite that was sent, if any.
local function invite_of(req, pending)
  if not pending.by.code then return nil end
  local state, id, label = pending:invite()
  if state == "unknown" then auth.count_guess(req) end
  return state, id, label
end

-- Each client and each owner has a bucket, and all clients together have one. Returns the fields
-- that report the client's.
local function spend_deployment(req, who, tokens)
  if identity.is_admin(who) then return nil end
  local from = client.of(req)
  local left, full_in = tokens:spend("deploy", from)
  if who.id then tokens:spend("deploy", { key = "owner " .. who.id }) end
  tokens:spend("deploy_all", { key = "" })
  return rate_limit.headers("deploy", from, left, full_in)
end

-- Raises, or returns the statements that are written together with the operation: where it came
-- from, and the audit entry.
local function admit(req, who, request, pending)
  local invite, invite_id, invite_label = invite_of(req, pending)
  local what = {
    invite = invite, invite_label = invite_label,
    stacks = pending:stacks(), quotas = limits.quotas_of(who),
    template = request.template.id, parameters = request.parameters.values,
    owner_id = request.files and request.files.owner_id,
  }
  local action = request.files and "restore" or "deploy"
  local entry, code, more = auth.decide(req, who, action, what, request.name)
  if not entry.allowed then
    auth.record(entry)
    local field = invite and "invite" or nil
    auth.refuse(code, more, { args = { name = request.name }, field = field })
  end
  local gates = {}
  if invite_id then
    gates[1] = { statement = access.gate("invites", invite_id), code = "invite_invalid" }
  end
  if limits.rest > 0 and not identity.is_admin(who) then
    gates[#gates + 1] = journal.operations.rest_gate(request.name, who.id, limits.rest)
  end
  return function(operation_id)
    pending:finish()
    return {
      access.origin_statement(operation_id, client.of(req).network, invite_id),
      audit.statement(entry, operation_id),
      decisions.statement(entry),
      gates = gates,
    }
  end
end

-- Accepting

local function refuse(req, name, code, retry_after)
  local options = { args = { name = name, id = req.id }, retry_after = retry_after }
  if code == "invite_invalid" then options.field = "invite" end
  if code == "name_taken" or code == "name_resting" then
    options.field, options.more = "name", { suggestions = suggestions(name, auth.reader(req)) }
  end
  refusal.raise(code or "internal", options)
end

-- A new owner is given the first generation of their key, so that a replay never reveals a later
-- one. Users of a proxy and tokens need none.
local function key_for(who, operation)
  if who.kind == "owner" then return identity.owner_key(who.id, who.generation) end
  local is_new = not who.id and operation.kind == "deploy"
  return is_new and identity.owner_key(operation.owner_id, 0) or nil
end

local function accepted(req, who, operation, is_withheld)
  local key = not is_withheld and key_for(who, operation) or nil
  local cookie = key and who.kind ~= "admin" and identity.set_cookie(req, key) or nil
  local more = { url = operation.url, ownerKey = key, template = operation.template }
  return answer.accepted(req, operation, more, cookie)
end

-- A client that repeats a guessable key from the same address may be another one.
local function record_replay(req, who, operation)
  if not shared.add("replayed:" .. operation.id, true, AUDIT_SECONDS) then return end
  local entry = auth.decide(req, who, "replay", {}, operation.name)
  entry.allowed, entry.rule = true, "without_the_key"
  audit.write(entry)
end

-- What steps may know of the owner. A visitor becomes one.
local function owner_of(who, request)
  local is_other = request.files and request.files.owner_id ~= who.id
  if is_other then return request.before and request.before.params.owner end
  return {
    kind = who.kind == "visitor" and "owner" or who.kind, name = who.name, email = who.email,
    groups = { table.unpack(who.groups or {}) },
  }
end

local function joined(first, second)
  local all = {}
  for _, variables in ipairs { first or {}, second } do
    for name, value in pairs(variables) do all[name] = value end
  end
  return next(all) and all or nil
end

local function begin(req, who, request, statements)
  local template, parameters = request.template, request.parameters
  local operation, _, code, retry_after = accept.deploy {
    name = request.name,
    template = template.id,
    image = template.image,
    memory_bytes = template.memory_bytes,
    cpu_nanos = template.cpu_nanos,
    env = joined(template.env, parameters.env),
    parameters = next(parameters.values) and parameters.values or nil,
    secrets = parameters.secrets,
    secret_names = parameters.secret_names,
    owner_id = request.files and request.files.owner_id or who.id or identity.new_owner_id(),
    owner = owner_of(who, request),
    volume = request.volume,
    idempotency = request.idempotency,
    also = statements,
  }
  if not operation then refuse(req, request.name, code, retry_after) end
  local is_withheld = operation.replayed and request.idempotency.is_guessable
  if is_withheld then record_replay(req, who, operation) end
  return accepted(req, who, operation, is_withheld)
end

-- A request that was accepted before gets the same answer, whatever the rules say now.
local function is_replay(request)
  return request.idempotency ~= nil and journal.idempotency.get(request.idempotency.key)
end

local function decide_and_accept(req, who, request)
  if is_replay(request) then return begin(req, who, request) end
  check_files(request)
  local from = client.of(req)
  local by = {
    owner_id = who.id, network = not from.is_shared and from.network or nil, site = from.site,
    code = request.invite,
  }
  local pending <close> = admission.begin(by)
  local statements = admit(req, who, request, pending)
  local tokens <close> = rate_limit.reserve()
  local headers = spend_deployment(req, who, tokens)
  local reply = begin(req, who, request, statements)
  tokens:keep() -- refused deploys cost nothing
  req.rate_limit = headers or rawget(req, "rate_limit")
  return reply
end

-- Whether a form or a document has parameters.
local function has_parameters(values)
  for key in pairs(values) do
    if key:find "^parameters" then return true end
  end
end

-- Those of the workspace that left the files, as they were. Its secrets are kept nowhere.
local function parameters_before(request)
  local params = request.before and request.before.params or {}
  return {
    are_inherited = true, values = params.parameters or {}, env = params.env, secrets = {},
    secret_names = params.secrets,
  }
end

local function parameters_of(req, request, values)
  if request.volume and not has_parameters(values) then return parameters_before(request) end
  local template, given = request.template, values.parameters or {}
  if media.is_form(req) then given = template_parameters.of_form(template, values) end
  return template_parameters.read(template, given)
end

local function deploy(req, values)
  local who = auth.who(req)
  local request = {
    name = checked_name(req, who, values.name),
    given_template = values.template or "",
    invite = values.invite,
    volume = values.files,
  }
  add_files(who, request)
  local before = request.before and not values.template and templates.find(request.before.template)
  request.template = before or template_of(values.template)
  request.parameters = parameters_of(req, request, values)
  request.idempotency = idempotency_of(req, who, request)
  if not request.idempotency then return decide_and_accept(req, who, request) end
  -- Of the same request sent twice at once, the second replays the first: it neither uses an
  -- invite nor counts against a quota.
  local lock = "deploy:" .. request.idempotency.key
  return task.lock(lock, decide_and_accept, req, who, request)
end

routes.add("Workspaces", {
  { "POST", "/api/deploy", deploy,
    summary = "Deploy a workspace",
    text = "Answers at once; follow statusUrl. Without an owner key a new owner is created, and "
      .. "the answer contains their key: the only way back to the workspace. With an owner key the "
      .. "workspace belongs to that owner. With `files` it starts with what a deleted workspace of "
      .. "that owner left, under any name; what `keptData` lists as kept can be used once.",
    access = "optional", identify = true, scope = "create", headers = { "idempotency" },
    body = "Deploy", form = true,
    answers = { [202] = { "Accepted", schema = "Accepted", location = true } },
    problems = {
      "name_invalid", "name_reserved", "name_taken", "name_resting", "template_unknown",
      "access_closed",
      "invite_needed", "invite_invalid", "login_needed", "scope_missing", "quota_owner",
      "quota_network", "quota_total", "queue_full", "idempotency_conflict",
      "idempotency_key_invalid", "files_unknown", "stack_busy", "not_owner",
    } },
})
