--- Makes one thing in Dokploy so that it is made once, known, and can be undone, whatever happens
--- on the way: written down as intended, sent, written down as made. When no answer came, it is
--- looked up before it is sent again.
---
--- It runs in a task of its own: when the step ends at its deadline or by a cancel, an answer that
--- is on its way is still written down.
local log = require "core.log"
local task = require "core.task"
local attempt = require "lib.base.attempt"
local journal = require "lib.journal"

local create = {}
-- A real Dokploy loses access rights when these are made side by side: one at a time in the portal.
local one_at_a_time = { project = true, application = true }
local LATE_TRIES = 60 -- to write down what was made, when nobody waits for it any more

--- Repeats a write to the journal while the disk refuses it, as long as it is wanted. Raises an
--- error when repeating cannot help.
---@param act fun(): any
---@param is_wanted (fun(): boolean)|nil  nil: always
function create.surely(act, is_wanted)
  while true do
    local result, message, code = act()
    if result ~= nil then return result end
    -- "failed": an error in the scripts ended the task that wrote.
    if code == "conflict" or code == "failed" then error("journal: " .. message) end
    log.warn("journal.write_failed", { message = message })
    if is_wanted and not is_wanted() or not task.sleep(1) then return nil, message, "journal" end
  end
end

local function while_wanted(ctx, act)
  return create.surely(act, function() return ctx.wanted end)
end

local function confirm(ctx, kind, key, made)
  local id, tries = made.id or key, LATE_TRIES
  local data = { step = ctx.step and ctx.step.name, ids = made }
  create.surely(function() return journal.resources.confirm(ctx.id, kind, key, id, data) end,
    function()
      tries = tries - 1
      return tries > 0 -- after a crash, undo needs it
    end)
  ctx:know { kind = kind, key = key, id = id, state = "created", data = data }
  return made
end

-- Sends it, and looks it up when it is unknown whether that worked. Returns what was made; false
-- when it is not there; nil, message, code, info.
local function send_and_look_up(ctx, make, find)
  local made, message, code, info = attempt.catch(make, ctx)
  if made then return made end
  if not info or not info.unknown then return nil, message, code, info end
  local answer = ctx.dokploy.answer
  task.sleep(0.5) -- what was cut off may just be finishing
  local found, find_message, find_code = attempt.catch(find, ctx)
  if found == nil then return nil, find_message or message, find_code or code, info end
  ctx.dokploy.answer = answer -- the look does not explain a failure
  return found, message, code, info
end

local function make_once(ctx, kind, key, make, find)
  if not ctx.wanted then return nil, "no longer wanted", "cancelled" end
  local before = ctx:known(kind, key)
  if before and before.state == "intended" then
    local found, message, code = attempt.catch(find, ctx)
    if found == nil then return nil, message, code end
    if found then return confirm(ctx, kind, key, found) end
  end
  local intended, why, trouble = while_wanted(ctx, function()
    return journal.resources.intend(ctx.id, kind, key, { step = ctx.step.name })
  end)
  if intended == nil then return nil, why, trouble end
  ctx:know { kind = kind, key = key, state = "intended", data = {} }
  local made, message, code, info = send_and_look_up(ctx, make, find)
  if made == nil and info and info.unknown == false and not before then
    -- It was refused, so there is nothing to undo.
    while_wanted(ctx, function() return journal.resources.settle(ctx.id, kind, key, "undone") end)
    ctx:know { kind = kind, key = key, state = "undone", data = {} }
  end
  if made == false and ctx.wanted then
    -- It is not there, but may still come to light: that is remembered before it is sent once more.
    while_wanted(ctx, function() return journal.resources.note_unconfirmed(ctx.id, kind, key) end)
    made, message, code = send_and_look_up(ctx, make, find)
  end
  if made then return confirm(ctx, kind, key, made) end
  return nil, message, code
end

--- Makes it, or finds it made. Waits.
---@param ctx table
---@param kind string
---@param key string
---@param make fun(ctx)  sends it once: {id = ..., ...}, which is kept; or nil, message, code, info
---@param find fun(ctx)  looks it up: the same table; false: it is not there; or nil, message, code
function create.once(ctx, kind, key, make, find)
  local before = ctx:known(kind, key)
  if before and before.state == "created" then return before.data.ids end
  local handle = assert(task.spawn(nil, function()
    if not one_at_a_time[kind] then return make_once(ctx, kind, key, make, find) end
    return task.lock("dokploy.create", make_once, ctx, kind, key, make, find)
  end))
  ctx.pending[#ctx.pending + 1] = handle
  return handle:wait()
end

return create
