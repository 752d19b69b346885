--- What a step is given: the deployment's facts, the ids so far, and what a step may do. See
--- scripts/steps/.
local config = require "core.config"
local log = require "core.log"
local task = require "core.task"
local timer = require "core.timer"
local clock = require "lib.base.clock"
local dokploy = require "lib.dokploy"
local sanitize = require "lib.dokploy.sanitize"
local tag = require "lib.dokploy.tag"
local journal = require "lib.journal"
local create = require "lib.operations.create"
local events = require "lib.operations.events"
local queue = require "lib.operations.queue"
local step_list = require "lib.operations.step_list"
local subject = require "lib.policy.subject"
local address = require "lib.workspaces.address"

local context = {}
local Context = {}
Context.__index = Context

--- The name of a deployment's volume. It ends with the random end of the operation's id, so it is
--- never used again: data of one owner never meets another.
function context.volume(op)
  local unique = op.id:lower():gsub("[^a-z0-9]", ""):sub(-12)
  return ("portal-ai-workspace-%s-%s"):format(op.name, unique)
end

--- For a client's `waits`: reports once that a call waits for Dokploy, and once that it goes on.
---@param report fun(key: string|nil, args: table|nil)  key: the text "waiting.KEY"; nil: it goes on
function context.waits(report)
  local reported
  return function(why, at)
    local now = why and why .. " " .. clock.time_of_day(at)
    if now == reported then return end
    reported = now
    report(why, why and { time = clock.time_of_day(at) })
  end
end

--- The variables of a deployment's container that hold secrets.
---@return string[]
function context.secret_names(op)
  return { address.password_variable, table.unpack(op.params and op.params.secrets or {}) }
end

--- Whose workspace it is, as far as that was known when it was asked for.
---@return StepOwner
function context.owner_of(op)
  local owner = { kind = "owner" }
  for key, value in pairs(op.params and op.params.owner or {}) do owner[key] = value end
  owner.id, owner.groups = op.owner_id, subject.who({ groups = owner.groups }).groups
  return owner
end

-- Which of the shipped steps makes what ctx.ids has.
local made_by = {
  project = "project", environment = "project", application = "application",
  app_name = "application",
}

-- A step of the installation that comes too early is told so, with its line.
local function ids_of(self)
  return setmetatable({}, { __index = function(_, name)
    local maker, step = made_by[name], self.step
    if not maker or not step or not step.key then return nil end
    error(("ctx.ids.%s is not there yet: the step %s makes it (write after = %q, or a later step)")
      :format(name, maker, maker), 2)
  end })
end

--- The context of a deploy, as far as its record goes.
---@param op table          the journal's row
---@param resources table[] the journal's rows
---@param steps table[]
function context.new(op, resources, steps)
  local self = setmetatable({
    id = op.id, name = op.name, owner_id = op.owner_id, template = op.template, url = op.url,
    params = op.params, host = op.name .. "." .. config.stack.suffix,
    tag = tag.of(op), title = tag.title(op.id),
    volume = op.params and op.params.volume or context.volume(op),
    owner = context.owner_of(op), parameters = op.params and op.params.parameters or {},
    resources = {}, pending = {}, wanted = true, steps = steps, stream_id = op.id,
  }, Context)
  self.ids = ids_of(self)
  self.dokploy = dokploy.client {
    patient = true, secret_names = context.secret_names(op),
    wanted = function() return self.wanted end,
    waits = context.waits(function(key, args)
      if self.step then self:report(key and "waiting" or "running", self:share(), key, args) end
    end),
  }
  for _, row in ipairs(resources) do self:know(row) end
  return self
end

--- The context in which a step undoes what it made.
---@param work Undo
---@param index integer  the step's
function context.for_undo(work, index)
  local self = context.new(work.op, work.resources, work.steps)
  self.dokploy, self.stream_id = work.dokploy, work.stream_id
  self:enter(index)
  function self.report(_, _, _, key, args) work.report(self.step.name, "undoing", key, args) end
  return self
end

-- For the engine

local function emit(self, list)
  if self.stream_id and #list > 0 then events.emit(self.stream_id, list) end
end

--- Takes a resource into memory, as it is in the record.
---@param row { kind: string, key: string, id: string|nil, state: string, data: table,
--- created_at: number|nil, intended_at: number|nil }
function Context:know(row)
  local at = row.created_at or row.intended_at
  local age = at and math.max(0, os.time() - at) or 0
  self.resources[row.kind .. " " .. row.key] = {
    kind = row.kind, key = row.key, id = row.id, state = row.state, data = row.data,
    since = timer.now() - age, -- on the timer's clock, which is never set
  }
  if row.kind == "volume" then self.volume = row.key end
  if row.state ~= "created" then return end
  -- A second mount or domain, which a step of the installation made, goes by that step's name.
  local is_second = row.key == row.data.step and not step_list.is_own_kind(row.kind)
  self.ids[is_second and row.key or row.kind] = row.id
  for name, value in pairs(row.data.ids or {}) do
    if name ~= "id" then self.ids[name] = value end
  end
end

--- The resource of that kind and key, as far as it is known.
function Context:known(kind, key) return self.resources[kind .. " " .. key] end

--- Enters a step: progress, records and the deadline are its own from here on.
function Context:enter(index)
  self.index, self.step, self.began = index, self.steps[index], timer.now()
end

--- Reports how the step goes.
---@param state string  running done waiting skipped
---@param share number  how much of it is done, from 0 to 1
function Context:report(state, share, key, args)
  local percent = queue.percent(self.steps, self.index, share)
  local data = {
    step = self.step.name, state = state, percent = percent, key = key, args = args,
  }
  emit(self, { { event = "progress", data = data } })
end

--- How much of the step is done, by the seconds that it usually takes.
function Context:share()
  return math.min(0.9, (timer.now() - self.began) / math.max(1, self.step.expect))
end

--- Where a failure happened, for lib/operations/failure.lua.
function Context:at()
  local step = self.step and self.step.name
  local seconds = step and math.floor(timer.now() - self.began)
  return { name = self.name, step = step, seconds = seconds, client = self.dokploy }
end

-- For steps

--- Makes something in Dokploy once, and only once, and remembers it. Waits. Returns what `make`
--- returned, or what `find` found; its `id` becomes ctx.ids[kind], its other fields ctx.ids by
--- their names.
---@param kind string  mount or domain, which go with the application; or a word of the step's own,
--- for what its undo(ctx, resource) removes
---@param options { key: string|nil }  tells several of one kind apart
---@param make fun(ctx)  sends it, once
---@param find fun(ctx)  looks it up when no answer came; false when it is not there
function Context:create(kind, options, make, find)
  return create.once(self, kind, options.key or "", make, find)
end

local function write(self, act, row)
  local written, message, code = create.surely(act, function() return self.wanted end)
  if written == nil then return nil, message, code end
  self:know(row)
  return true
end

--- Remembers something that will exist once the workspace starts, such as its volume;
--- lib/operations/undo.lua knows how to undo it.
---@param kind string
---@param key string  its name
function Context:foresee(kind, key)
  if self:known(kind, key) then return true end
  local data = { step = self.step.name }
  return write(self, function() return journal.resources.intend(self.id, kind, key, data) end,
    { kind = kind, key = key, state = "intended", data = data })
end

--- Remembers something that the step made by other means, until the step's own undo(ctx, resource)
--- has removed it: when the deployment fails, and when the workspace is deleted. What may be made
--- while the portal crashes is better made by ctx:create, which looks for it afterwards.
---@param kind string  a word of the step's own, such as "dns_record"
---@param id string
---@param more table|nil  what undo needs to know: its resource.data
---@return boolean|nil done, string? message, string? code
function Context:record(kind, id, more)
  if not step_list.is_own_kind(kind) then
    error(("step %s: ctx:record: %s is a kind of the portal's own (choose another word)"):format(
      self.step.name, tostring(kind)), 2)
  end
  if not self.step.undo then
    error(("step %s: ctx:record needs undo = function(ctx, resource) ... return true end in %s")
      :format(self.step.name, self.step.file), 2)
  end
  id = tostring(id)
  local data = { step = self.step.name, data = more }
  return write(self, function() return journal.resources.confirm(self.id, kind, id, id, data) end,
    { kind = kind, key = id, id = id, state = "created", data = data })
end

--- Reports what the step is doing: the text "step.NAME.KEY" of the locales, with these arguments.
---@param key string|nil
---@param args table<string, string|number>|nil
function Context:progress(key, args) self:report("running", self:share(), key, args) end

--- Reports what the step waits for; ctx:progress() reports that it goes on.
function Context:waiting(key, args) self:report("waiting", self:share(), key, args) end

local LINE_LENGTH = 1000 -- characters

--- What must not be shown of Dokploy's texts; after a restart it is read back. May wait.
---@return table<string, true>|nil
function Context:secrets()
  local client, application = self.dokploy, rawget(self.ids, "application")
  if not client.secrets and application and client:application_one(application) then
    client.secrets = client.secrets or {}
  end
  return client.secrets
end

--- Passes on lines of a log, without secrets and what looks like one. May wait.
---@param lines string|string[]
function Context:log(lines)
  local list, secrets = {}, self:secrets()
  for i, line in ipairs(type(lines) == "table" and lines or { lines }) do
    local data = { line = sanitize.text(line, LINE_LENGTH, secrets) }
    list[i] = { event = "log", data = data }
  end
  emit(self, list)
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
function Context:log_note(key, args)
  emit(self, { { event = "log", data = { key = key, args = args } } })
end

--- Waits. True; or nil, message, "cancelled".
function Context:sleep(seconds) return task.sleep(seconds) end

--- Whole seconds until the step's deadline.
function Context:remaining()
  return math.floor(self.step.deadline - (timer.now() - self.began))
end

--- Writes a warning for the admin into the portal's log.
function Context:warn(message, fields)
  fields = fields or {}
  fields.operation, fields.name, fields.step = self.id, self.name, self.step.name
  fields.message = message
  log.warn("step.warning", fields)
end

return context
