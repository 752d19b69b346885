--- When a workspace was last worked in: what its own list of sessions says, asked for seldom, one workspace after the other. The list is
--- behind the lock, so the password is read from Dokploy each time, and sent only over a certificate that is good. What is not known
--- stays what it was; nothing but the time is kept.
local config = require "core.config"
local task = require "core.task"
local health = require "lib.operations.health"
local place = require "lib.operations.workspace_address"
local journal = require "lib.journal"

local usage = { round = 600 } -- seconds in which every workspace is asked once

local function ask(stack, password_of)
  local public = place.public(stack.url, config)
  local lock, certified = health.lock(public)
  if lock ~= "locked" or not certified then return end
  local password = password_of(stack.name)
  local used_at = password and health.used(public, password)
  if used_at then journal.stacks.note_use(stack, used_at) end
end

--- One round: every workspace that answers, spread over the time.
---@param password_of fun(name: string): string|nil
function usage.look_around(password_of)
  local stacks = {}
  for _, stack in ipairs(journal.stacks.list {} or {}) do
    if stack.state == "ready" then stacks[#stacks + 1] = stack end
  end
  for _, stack in ipairs(stacks) do
    ask(stack, password_of)
    task.sleep(usage.round / #stacks)
  end
end

return usage
