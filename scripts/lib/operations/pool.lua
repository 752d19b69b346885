--- Keeps as many warm workspaces ready as each template's `pool` says: makes them while nobody
--- waits for Dokploy, one at a time, and removes those that do not fit any more.
local log = require "core.log"
local shared = require "core.shared"
local timer = require "core.timer"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local journal = require "lib.journal"
local accept = require "lib.operations.accept"
local warm = require "lib.operations.warm"
local templates = require "lib.policy.templates"

local pool = {
  round = 5,         -- seconds between two rounds
  look = 60,         -- seconds between two looks at the container of each
  longest = 86400,   -- seconds after which one is replaced: its tag may name a newer image
  rest = 60, most_rest = 900, -- seconds after a failure; twice as many after each further one
  owner_id = ".pool", -- until it is claimed
}
local once = dokploy.client { tries = 1 }
local ahead     -- the steps that make one; nil: there is no pool
local is_unused -- nothing is wanted, and nothing is there

-- What is wanted

local function size_of(template) return ahead and template.pool or 0 end

local function is_wanted()
  for _, template in ipairs(templates.all()) do
    if size_of(template) > 0 then return true end
  end
  return false
end

-- The params of a deploy that chooses nothing.
local function params_of(template)
  return {
    image = template.image, env = template.env, memory_bytes = template.memory_bytes,
    cpu_nanos = template.cpu_nanos,
  }
end

local function fits(row)
  local template = templates.find(row.template)
  return template ~= nil and ahead ~= nil
    and row.fingerprint == warm.fingerprint(params_of(template), ahead)
    and row.age < timer.to_real(pool.longest)
end

-- Whether its container has ended, as far as that is known.
local function has_ended(row)
  if not shared.add("pool.looked:" .. row.operation_id, true, pool.look) then return false end
  local instances = once:instances(row.app_name)
  return instances ~= nil and not containers.any_up(instances)
end

-- Removing

local function retire(row, reason)
  if row.is_retiring == 1 or not journal.pool.retire(row.operation_id) then return end
  accept.begin("retire", row, {
    params = { target = row.operation_id, data = "delete" }, logged = { reason = reason },
    also = function() return { journal.pool.forget_statement(row.operation_id) } end,
  })
end

-- Making

local function note_end(row)
  if row.made == "ready" then return shared.set("pool.failures", nil) end
  local seconds = math.min(pool.rest * 2 ^ (shared.incr("pool.failures", 1) - 1), pool.most_rest)
  shared.set("pool.rest", true, timer.to_real(seconds))
  log.warn("pool.not_made", { operation = row.operation_id, template = row.template })
end

local does_not_matter = { retire = true, purge = true, sleep = true }

-- Nobody waits for anything, here or in Dokploy.
local function is_quiet()
  if shared.get "pool.rest" or dokploy.last().reachable == false then return false end
  local waiting, running = journal.operations.waiting(1), journal.operations.running()
  if not waiting or not running or #waiting > 0 then return false end
  for _, op in ipairs(running) do
    if not does_not_matter[op.kind] then return false end
  end
  local jobs, _, code = once:queue()
  return jobs ~= nil and #jobs == 0 or code == "no_such_call"
end

local function prepare(template)
  local id, params = accept.new_id(), params_of(template)
  local name = "warm-" .. id:lower():gsub("[^a-z0-9]", ""):sub(-10)
  accept.begin("prepare", { name = name, owner_id = pool.owner_id }, {
    id = id, template = template.id, params = params,
    also = function()
      return { journal.pool.insert_statement(id, template.id, warm.fingerprint(params, ahead)) }
    end,
  })
end

local function fill(have)
  for _, template in ipairs(templates.all()) do
    if (have[template.id] or 0) < size_of(template) then
      return is_quiet() and prepare(template)
    end
  end
end

-- Rounds

-- Why a warm one has to go; nil: it stays.
local function trouble_of(row, have)
  local template = templates.find(row.template)
  if not fits(row) then return "it is not what would be made now" end
  if (have[row.template] or 0) >= size_of(template) then return "there are enough" end
  return has_ended(row) and "its container has ended" or nil
end

--- One round.
function pool.run()
  if is_unused then return end
  local rows = journal.pool.list()
  if not rows then return end
  is_unused = #rows == 0 and not is_wanted()
  local have, is_untidy = {}, false
  for _, row in ipairs(rows) do
    local reason = row.state == "warm" and trouble_of(row, have)
    if reason or row.state == "retiring" then retire(row, reason or "given back") end
    if row.state == "preparing" and row.ended_at then note_end(row) end
    if row.state == "warm" and not reason or row.state == "preparing" and not row.ended_at then
      have[row.template] = (have[row.template] or 0) + 1
    end
    is_untidy = is_untidy or row.state == "claimed" or row.state == "preparing" and row.ended_at
  end
  if is_untidy then journal.pool.tidy() end
  fill(have)
end

--- How many are warm, of how many there should be: { {template, warm, size}, ... }.
---@return table[]|nil, string? message, string? code
function pool.summary()
  local rows, message, code = journal.pool.counts()
  if not rows then return nil, message, code end
  local found, list = {}, {}
  for _, row in ipairs(rows) do
    if row.state == "warm" then found[row.template] = row.count end
  end
  for _, template in ipairs(templates.all()) do
    local size = size_of(template)
    if size > 0 then
      list[#list + 1] = { template = template.id, warm = found[template.id] or 0, size = size }
    end
  end
  return list
end

--- Starts it. Called once while the scripts load.
---@param steps table[]  scripts/steps/init.lua
function pool.register(steps)
  local name
  ahead, name = warm.steps(steps)
  for _, template in ipairs(templates.all()) do
    if template.pool > 0 and not ahead then
      log.warn("pool.off", { template = template.id, step = name })
    end
  end
  timer.every("pool", pool.round, pool.run)
end

return pool
