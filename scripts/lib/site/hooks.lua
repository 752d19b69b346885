--- The site's hooks: hooks/NAME.lua returns { on = { "ready" }, run = function(event, portal) }.
local task = require "core.task"
local schema = require "lib.schema"
local value_kinds = require "lib.schema.kinds"
local types = require("lib.journal.outbox").types()
local faults = require "lib.site.faults"
local outbox = require "lib.site.outbox"
local portal = require "lib.site.portal"

local hooks = {}

local shape = {
  on = schema.list { value_kinds.one_of(types), required = true },
  run = { value_kinds.func, required = true },
  deadline = { value_kinds.number(1, 600), default = 60 }, -- seconds
}

-- What it returned: nil and a message is a failure, anything else is not. A workspace that is gone
-- does not come back, so trying again would not help.
local function outcome(fn, ...)
  local result, message, code = fn(...)
  local is_failure = result == nil and message ~= nil and code ~= "gone"
  if is_failure then return nil, tostring(message), "refused" end
  return true
end

--- Calls a function of the site with its arguments. One that raises, runs too long or does not
--- return in time is noted as a mistake of that script.
---@param script { kind: string, name: string, file: string, deadline: number }  kind: of the fault
---@return boolean|nil done, string? message
function hooks.call(script, fn, ...)
  local done, message, code = task.run(script.deadline, outcome, fn, ...)
  if done or code == "refused" then return done, message end
  if code == "timeout" then
    message = ("%s has not returned in %g seconds"):format(script.name, script.deadline)
  end
  local has_place = message:find "%.lua:%d"
  faults.note {
    kind = script.kind, name = script.name, message = message,
    where = not has_place and script.file or nil,
  }
  return nil, message:match "^[^\n]*"
end

local function add(part)
  local hook = schema.check(part.value, shape, part.file)
  if #hook.on == 0 then
    schema.refuse(part.file, "on", 'is empty (write { "ready" }; known: %s)',
      table.concat(types, ", "))
  end
  local name = "hooks/" .. part.name
  local script = { kind = "hook", name = name, file = part.file, deadline = hook.deadline }
  outbox.add(name, {
    kind = "hook", on = hook.on,
    deliver = function(event)
      return hooks.call(script, hook.run, event, portal.of(name, event))
    end,
  })
end

--- Adds the site's hooks. Called once while the scripts load.
---@param parts { name: string, file: string, value: table }[]  the files of site/hooks
function hooks.register(parts)
  for _, part in ipairs(parts) do add(part) end
end

return hooks
