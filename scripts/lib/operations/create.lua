--- Making one thing in Dokploy so that it is made once, known, and can be taken away again, whatever happens on the way:
--- written down as intended, sent, written down as made. When no answer came, it is looked for before it is sent again.
---
--- It runs in a task of its own: when the step is ended at its deadline or by a cancel, an answer in flight is still written down.
local log = require "core.log"
local task = require "core.task"
local journal = require "lib.journal"

local create = {}
-- A real Dokploy loses access rights when these are made side by side: one at a time in the whole portal.
local one_at_a_time = { project = true, application = true }

--- Repeats a write to the journal while the disk refuses it, as long as it is wanted.
---@param act fun(): any
---@param wanted fun(): boolean
function create.surely(act, wanted)
  while true do
    local result, message, code = act()
    if result ~= nil then return result end
    if code == "conflict" then error("journal: " .. message) end
    log.warn("journal.write_failed", { message = message, code = code })
    if not wanted() or not task.sleep(1) then return nil, message, "journal" end
  end
end

local function confirm(ctx, kind, key, made)
  local id = made.id or key
  local data = { step = ctx.step and ctx.step.name, ids = made }
  local left = 60 -- what is known is worth writing down, also when nobody wants it any more: undo needs it after a crash
  create.surely(function() return journal.resources.confirm(ctx.id, kind, key, id, data) end, function()
    left = left - 1
    return left > 0
  end)
  ctx:know(kind, key, id, "created", data)
  return made
end

-- Sends it. When it is unknown whether that worked, looks; returns made, or false when it is not there, or nil, message, code, info.
local function send_and_look(call, lookup)
  local made, message, code, info = call()
  if made then return made end
  if not info or not info.unknown then return nil, message, code, info end
  task.sleep(0.5) -- what was cut off may just be finishing
  local found, look_message, look_code = lookup()
  if found == nil then return nil, look_message or message, look_code or code, info end
  return found, message, code, info
end

-- It was refused: nothing was made, so there is nothing to take away.
local function withdraw(ctx, kind, key)
  create.surely(function() return journal.resources.settle(ctx.id, kind, key, "undone") end, function() return ctx.wanted end)
  ctx:know(kind, key, nil, "undone", {})
end

local function attempt(ctx, kind, key, call, lookup)
  if not ctx.wanted then return nil, "no longer wanted", "cancelled" end
  local before = ctx:known(kind, key)
  if before and before.state == "intended" then
    local found, message, code = lookup()
    if found == nil then return nil, message, code end
    if found then return confirm(ctx, kind, key, found) end
  end
  local intended, why, trouble = create.surely(function() return journal.resources.intend(ctx.id, kind, key, { step = ctx.step.name }) end,
    function() return ctx.wanted end)
  if intended == nil then return nil, why, trouble end
  ctx:know(kind, key, nil, "intended", {})
  local made, message, code, info = send_and_look(call, lookup)
  if made == nil and info and info.unknown == false and not before then withdraw(ctx, kind, key) end
  if made == false and ctx.wanted then
    -- Not there. It may still come to light, so that is remembered; once more, then.
    create.surely(function() return journal.resources.note_unconfirmed(ctx.id, kind, key) end, function() return ctx.wanted end)
    made, message, code = send_and_look(call, lookup)
  end
  if made then return confirm(ctx, kind, key, made) end
  return nil, message, code
end

--- Makes it, or finds it made.
---@param ctx table
---@param kind string
---@param key string
---@param call fun(): table|nil, string?, string?, table?  sends it once; returns {id = ..., ...}, which is kept
---@param lookup fun(): table|false|nil, string?, string?  finds it: the same table, false when it is not there
function create.once(ctx, kind, key, call, lookup)
  local before = ctx:known(kind, key)
  if before and before.state == "created" then return before.data.ids end
  local function work()
    if one_at_a_time[kind] then return task.lock("dokploy.create", attempt, ctx, kind, key, call, lookup) end
    return attempt(ctx, kind, key, call, lookup)
  end
  local handle = assert(task.spawn(nil, work))
  ctx.pending[#ctx.pending + 1] = handle
  return handle:wait()
end

return create
