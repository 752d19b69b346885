--- POST /api/deploy: accepts a deployment and answers at once; the work goes on in lib/engine.lua.
local config = require "core.config"
local crypto = require "core.crypto"
local json = require "core.json"
local server = require "core.server"
local body = require "lib.body"
local claims = require "lib.claims"
local engine = require "lib.engine"
local guard = require "lib.guard"
local names = require "lib.names"
local owner = require "lib.owner"
local problem = require "lib.problem"
local access = require "policy.access"
local limits = require "policy.limits"
local policy = require "policy.names"
local templates = require "policy.templates"

local fields = { name = { type = "string", required = true }, template = { type = "string" } }

local reserved = policy.set(config.reserved_names)

local function is_free(name) return claims.get(name) == nil end

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

-- A deploy that brings an owner key belongs to that owner; any other makes a new owner.
local function check_who(req)
  local who = owner.from(req)
  if who.kind == "forged" then return nil, problem.reply(req, "key_invalid") end
  local allowed, code = access.may_deploy(config.access, who)
  if not allowed then return nil, problem.reply(req, code) end
  return who
end

local function answer(operation)
  return {
    deploymentId = operation.id,
    name = operation.name,
    url = operation.url,
    statusUrl = "/api/status/" .. operation.id,
    ownerKey = owner.key(operation.owner_id),
    template = operation.template,
  }
end

-- What an Idempotency-Key stands for. Keys of one owner are nobody else's; the body counts by what it means, not by how it is written.
local function idempotency(req, who, name, template)
  local key = req.headers["idempotency-key"]
  if not key then return nil end
  if not key:find("^[\x21-\x7e]+$") or #key > limits.idempotency_key then
    return nil, problem.reply(req, "idempotency_key_invalid", { args = { max = limits.idempotency_key } })
  end
  return {
    key = crypto.sha256(table.concat({ who.kind, who.id or "", key }, "\n")),
    body_hash = crypto.sha256(name .. "\n" .. template.id),
  }
end

local function refused(req, name, code, retry_after)
  local options = { args = { name = name, id = req.id, seconds = retry_after or 30 } }
  if code == "queue_full" then options.retry_after = retry_after or 30 end
  if code == "name_taken" then options.field, options.more = "name", suggestions(name) end
  return problem.failure(req, code, options)
end

local function deploy(req, who, name, template)
  local key, refusal = idempotency(req, who, name, template)
  if refusal then return refusal end
  local operation, _, code, retry_after = engine.deploy {
    name = name,
    template = template.id,
    image = template.image,
    memory_bytes = template.memory_bytes,
    cpu_nanos = template.cpu_nanos,
    owner_id = who.id or owner.new(),
    idempotency = key,
  }
  if not operation then return refused(req, name, code, retry_after) end
  return { status = 202, json = answer(operation), headers = { Location = "/api/status/" .. operation.id } }
end

server.route("POST", "/api/deploy", guard.changing(function(req)
  local asked, refusal = body.read(req, fields)
  if not asked then return refusal end
  local who, name
  who, refusal = check_who(req)
  if not who then return refusal end
  name, refusal = check_name(req, asked.name)
  if not name then return refusal end
  local template = templates.find(asked.template, config.stack)
  if not template then
    return problem.reply(req, "template_unknown", { field = "template", args = { good = table.concat(templates.ids(), ", ") } })
  end
  return deploy(req, who, name, template)
end))
