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

--- Calls a function of the site with its arguments, within a deadline. One that raises is noted as
--- a mistake of that script.
---@param kind string  of the fault: hook schedule
---@param name string  of the script
---@return boolean|nil done, string? message, string? code
function hooks.call(kind, name, fn, ...)
  local is_done, result, message, code = xpcall(fn, task.traceback, ...)
  if not is_done then
    faults.note { kind = kind, name = name, message = result }
    return nil, tostring(result), "failed"
  end
  if result == nil and message ~= nil then return nil, tostring(message), code end
  return true
end

local function add(part)
  local hook = schema.check(part.value, shape, part.file)
  if #hook.on == 0 then
    schema.refuse(part.file, "on", 'is empty (write { "ready" }; known: %s)',
      table.concat(types, ", "))
  end
  local name = "hooks/" .. part.name
  local acts = portal.of(name)
  outbox.add(name, {
    kind = "hook", on = hook.on, deadline = hook.deadline,
    deliver = function(event) return hooks.call("hook", name, hook.run, event, acts) end,
  })
end

--- Adds the site's hooks. Called once while the scripts load.
---@param parts { name: string, file: string, value: table }[]  the files of site/hooks
function hooks.register(parts)
  for _, part in ipairs(parts) do add(part) end
end

return hooks
