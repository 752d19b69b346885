--- What a step is given: the deployment's facts, the ids so far, and the few things that a step may do. See scripts/steps/.
local config = require "core.config"
local log = require "core.log"
local task = require "core.task"
local timer = require "core.timer"
local clock = require "lib.base.clock"
local names = require "lib.base.names"
local create = require "lib.operations.create"
local events = require "lib.operations.events"
local queue = require "lib.operations.queue"
local dokploy = require "lib.dokploy"
local sanitize = require "lib.dokploy.sanitize"
local journal = require "lib.journal"

local context = {}
local Context = {}
Context.__index = Context

--- How each mark begins.
context.marked = "ai-stack-deployer name="

--- The words by which what we made is found again in Dokploy, in the descriptions of project and application. `params.mark`: of an
--- operation that takes away what another one made.
---@param op { id: string, name: string, owner_id: string, params: table|nil }
function context.mark(op)
  local others = op.params and op.params.mark
  return others or ("%s%s operation=%s owner=%s"):format(context.marked, op.name, op.id, op.owner_id)
end

--- What such words say; nil when they are none of ours.
---@param text any
---@return { name: string, id: string, owner_id: string }|nil
function context.read_mark(text)
  if type(text) ~= "string" then return nil end
  local name, id, owner_id = text:match("^ai%-stack%-deployer name=([%l%d-]+) operation=([%w_-]+) owner=([%w_.-]+)$")
  return name and names.well_formed(name) and { name = name, id = id, owner_id = owner_id } or nil
end

--- A name that is never used again: data of one owner never meets another. By the end of the id, which is random; it begins with the time.
function context.volume(op) return ("portal-ai-workspace-%s-%s"):format(op.name, op.id:lower():gsub("[^a-z0-9]", ""):sub(-12)) end

--- For a client's `waits`: tells a wait for Dokploy once, and its end.
---@param tell fun(key: string|nil, args: table|nil)  key: the text "waiting.KEY"; nil: it waits no more
function context.waits(tell)
  local told
  return function(why, at)
    local news = why and why .. " " .. clock.of_day(at)
    if news == told then return end
    told = news
    tell(why, why and { time = clock.of_day(at) })
  end
end

--- The context of a deploy, as far as its record goes.
---@param op table         the journal's row
---@param resources table[] the journal's rows
---@param steps table[]
function context.new(op, resources, steps)
  local self = setmetatable({
    id = op.id, name = op.name, owner_id = op.owner_id, template = op.template, url = op.url, params = op.params,
    host = op.name .. "." .. config.stack.suffix,
    mark = context.mark(op), title = "ai-stack-deployer " .. op.id, volume = op.params and op.params.volume or context.volume(op),
    ids = {}, resources = {}, pending = {}, wanted = true, steps = steps,
  }, Context)
  self.dokploy = dokploy.client {
    patient = true, wanted = function() return self.wanted end, waits = context.waits(function(key, args) self:waits(key, args) end),
  }
  for _, row in ipairs(resources) do self:know(row.kind, row.key, row.id, row.state, row.data, row.created_at or row.intended_at) end
  return self
end

-- For lib/ ---------------------------------------------------------------------------------------------------------------

--- Takes a resource into memory, as it is in the record; `at`: when it was made or meant, in seconds since 1970; now if missing. What is
--- kept is that moment on the timer's clock, which nobody sets.
function Context:know(kind, key, id, state, data, at)
  local age = at and math.max(0, os.time() - at) or 0
  self.resources[kind .. " " .. key] = { kind = kind, key = key, id = id, state = state, data = data, since = timer.now() - age }
  if state ~= "created" then return end
  self.ids[kind] = id
  for name, value in pairs(data.ids or {}) do
    if name ~= "id" then self.ids[name] = value end
  end
end

function Context:known(kind, key) return self.resources[kind .. " " .. key] end

--- Begins a step: from here on progress, records and the deadline are its own.
function Context:enter(index)
  self.index, self.step, self.began = index, self.steps[index], timer.now()
end

--- Tells how the step goes.
---@param state string  running done waiting
---@param share number  how much of it is done, from 0 to 1
function Context:tell(state, share, key, args)
  local data = { step = self.step.name, state = state, percent = queue.percent(self.steps, self.index, share), key = key, args = args }
  events.emit(self.id, { { event = "progress", data = data } })
end

-- How much of the step is done, by the seconds that it usually takes.
local function share_of(self) return math.min(0.9, (timer.now() - self.began) / math.max(1, self.step.expect)) end

--- Tells that the step waits for Dokploy: the text "waiting.KEY"; nil: no more.
function Context:waits(key, args)
  if self.step then self:tell(key and "waiting" or "running", share_of(self), key, args) end
end

-- For steps --------------------------------------------------------------------------------------------------------------

--- Makes something in Dokploy once, and only once, and remembers it. Returns what `call` returned, or what `lookup` found; its `id` becomes
--- ctx.ids[kind], its other fields ctx.ids by their names.
---@param kind string      project application mount domain deployment: lib/operations/undo.lua knows how to take these away
---@param options { key: string|nil }  tells several of one kind apart
---@param call fun()       sends it, once
---@param lookup fun()     finds it when no answer came; false when it is not there
function Context:create(kind, options, call, lookup) return create.once(self, kind, options.key or "", call, lookup) end

--- Remembers something that will come to be by itself once the stack starts, such as its volume; lib/operations/undo.lua knows how to take it
--- away.
---@param kind string
---@param key string  its name
function Context:foresee(kind, key)
  if self:known(kind, key) then return true end
  local data = { step = self.step.name }
  local written, message, code = create.surely(function() return journal.resources.intend(self.id, kind, key, data) end,
    function() return self.wanted end)
  if written == nil then return nil, message, code end
  self:know(kind, key, nil, "intended", data)
  return true
end

--- Remembers something that the step made by other means; the step's own undo(ctx) has to take it away.
---@param kind string
---@param id string
function Context:record(kind, id)
  local data = { step = self.step.name }
  local written, message, code = create.surely(function() return journal.resources.confirm(self.id, kind, id, id, data) end,
    function() return self.wanted end)
  if not written then return nil, message, code end
  self:know(kind, id, id, "created", data)
  return true
end

--- Tells those who watch what the step is doing: the text "step.NAME.KEY" of the locales, with these arguments.
---@param key string|nil
---@param args table<string, string|number>|nil
function Context:progress(key, args) self:tell("running", share_of(self), key, args) end

--- The same for what it waits for; ctx:progress() tells that it goes on.
function Context:waiting(key, args) self:tell("waiting", share_of(self), key, args) end

local LONGEST = 1000 -- characters of a line

--- Passes on lines of a log, without what looks like a secret.
---@param lines string|string[]
function Context:log(lines)
  local list = {}
  for i, line in ipairs(type(lines) == "table" and lines or { lines }) do
    list[i] = { event = "log", data = { line = sanitize.safely(line, LONGEST, self.password) } }
  end
  if #list > 0 then events.emit(self.id, list) end
end

--- How many lines were passed on so far, also before a restart of the portal.
function Context:logged()
  local count = 0
  for _, row in ipairs(journal.events.list(self.id, 0) or {}) do
    if row.event == "log" and row.data.line then count = count + 1 end
  end
  return count
end

--- Says in the log why there are no lines: the text "log.KEY" of the locales.
function Context:log_note(key, args) events.emit(self.id, { { event = "log", data = { key = key, args = args } } }) end

--- Waits. True; or nil, message, "cancelled".
function Context:sleep(seconds) return task.sleep(seconds) end

--- Whole seconds until the step's deadline.
function Context:remaining() return math.floor(self.step.deadline - (timer.now() - self.began)) end

--- Says something to the admin, in the log.
function Context:warn(message, fields)
  fields = fields or {}
  fields.operation, fields.name, fields.step, fields.message = self.id, self.name, self.step.name, message
  log.warn("deployment.note", fields)
end

return context
