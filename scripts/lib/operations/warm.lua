--- Warm workspaces: made ahead by the steps which need no name and no owner (`ahead` in
--- scripts/steps/), each with a volume and a password of its own. A deploy that wants exactly such
--- a container claims one: what it consists of is in that deploy's record from then on, and gets
--- its name, tag and address. One that does not answer is given back, and the deploy goes the
--- ordinary way. lib/operations/pool.lua makes and removes them.
local config = require "core.config"
local crypto = require "core.crypto"
local log = require "core.log"
local task = require "core.task"
local attempt = require "lib.base.attempt"
local dokploy = require "lib.dokploy"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local create = require "lib.operations.create"
local step_list = require "lib.operations.step_list"
local templates = require "lib.policy.templates"
local sorted_keys = require("lib.schema").sorted_keys

local warm = {
  patience = 20, -- seconds for each step of a claim, and for giving one back
  healthy = 180, -- seconds until a container that was made ahead is healthy
}
local surely, try = create.surely, attempt.try

--- What a container is started with, as one word: only a deploy of the same may have it. nil: it
--- gets secrets, which no container has ahead.
---@param params table   of a deploy
---@param ahead table[]  warm.steps
---@return string|nil
function warm.fingerprint(params, ahead)
  if params.secrets then return nil end
  local parts = {
    params.image, params.memory_bytes, params.cpu_nanos or "", config.stack.network or "",
  }
  for _, step in ipairs(ahead) do parts[#parts + 1] = step.name end
  for _, name in ipairs(sorted_keys(params.env or {})) do
    parts[#parts + 1] = name .. "=" .. params.env[name]
  end
  return crypto.sha256(table.concat(parts, "\n"))
end

-- Making one

-- Since 0.27.0 Dokploy says "Running" only once it is healthy; before, that a container runs.
local function is_healthy(row)
  local state = type(row.currentState) == "string" and row.currentState or row.state
  return type(state) == "string" and state:lower():find "^running" ~= nil
end

local function any_healthy(rows)
  for _, row in ipairs(rows) do
    if is_healthy(row) then return true end
  end
  return false
end

-- What a lost answer may have made twice is for undo: nobody gets that.
local function check_record(ctx)
  for _, row in ipairs(try(journal.resources.list(ctx.id))) do
    if row.state == "lost" then try(nil, "a call got no answer", "dokploy_unreachable") end
  end
end

local await_healthy = {
  name = "health", title = {}, deadline = warm.healthy, expect = 10, optional = false,
  file = "scripts/lib/operations/warm.lua",
  run = function(ctx)
    while not any_healthy(try(ctx.dokploy:instances(ctx.ids.app_name))) do try(ctx:sleep(1)) end
    check_record(ctx)
    return true
  end,
}

--- The steps that make one ahead.
---@param steps table[]
---@return table[]|nil  nil where a step of the installation, which is not `ahead`, has to be done
--- before the container starts
---@return string? name  that step's
function warm.steps(steps)
  local list = { deadline = steps.deadline }
  local _, started = step_list.find(steps, "deploy")
  for index, step in ipairs(steps) do
    if step.ahead then
      list[#list + 1] = step
    elseif step.key and index < started then
      return nil, step.name
    end
  end
  list[#list + 1] = await_healthy
  return list
end

-- Claiming one

--- Claims one for a deploy that has made nothing yet, if there is one that fits.
---@param op table  the journal's row
---@param steps table[]
---@return table op  as it is now
function warm.claim(op, steps)
  local template = op.template and templates.find(op.template)
  if not template or template.pool == 0 then return op end
  local is_new, ahead = not (op.step or op.params.warm or op.params.cold), warm.steps(steps)
  local fingerprint = is_new and ahead and warm.fingerprint(op.params, ahead)
  if not fingerprint then return op end
  local is_claimed = surely(function()
    return journal.pool.claim(op.id, template.id, fingerprint)
  end)
  if not is_claimed then return op end
  op = surely(function() return journal.operations.get(op.id) end)
  log.info("pool.claimed", { operation = op.id, name = op.name, made_by = op.params.warm })
  return op
end

--- Does what is left of a step that was done ahead. Waits.
---@return boolean|nil done, string? message, string? code
function warm.perform(ctx, step)
  return not step.claim or step_list.call(step, "claim", ctx)
end

local is_final = { cancelled = true, host_taken = true, host_routed = true, name_taken = true }

--- Whether a deploy whose step failed is tried without the warm one.
---@param why Failure
---@return boolean
function warm.may_start_over(ctx, why)
  return ctx.is_warm and not is_final[why.code] and not (ctx.step and ctx.step.key)
end

local function free_address(ctx)
  local client = dokploy.client { patient = true }
  local domains, message, code = client:domains(ctx.ids.application)
  if code == "not_found" then return true end
  for _, domain in ipairs(try(domains, message, code)) do
    try(client:domain_delete(domain.domainId))
  end
  return true
end

-- Gives it the name and the tag back under which it was made: by its own tag a deploy finds what a
-- lost answer made.
local function rename_back(ctx)
  local op = try(journal.operations.get(ctx.params.warm))
  local former = { name = op.name, tag = tag.of(op), dokploy = dokploy.client { patient = true } }
  setmetatable(former, { __index = ctx })
  for _, step in ipairs(ctx.steps) do
    if step.ahead and step.claim then
      local done, message, code = step_list.call(step, "claim", former)
      if not done and code ~= "not_found" then try(nil, message, code) end
    end
  end
  return true
end

--- Gives back what a deploy claimed: without its address, to be removed by the pool. The deploy has
--- made nothing then.
---@param why Failure  for the log
---@return boolean done
function warm.give_back(ctx, why)
  log.warn("pool.given_back", { operation = ctx.id, name = ctx.name, message = why.message })
  local is_free, message = task.run(warm.patience, attempt.catch, function()
    return free_address(ctx) and rename_back(ctx)
  end)
  if is_free then return surely(function() return journal.pool.give_back(ctx.id) end) end
  log.warn("pool.not_given_back", { operation = ctx.id, name = ctx.name, message = message })
  return false
end

return warm
