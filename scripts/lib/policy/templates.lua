--- Applies policy/templates.lua: what can be deployed.
local config = require "core.config"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

local GIB = 1 << 30
local list = schema.check(require "policy.templates", schema.list {
  id = { kinds.text, required = true }, image = { kinds.image },
  memory_bytes = { kinds.whole(GIB, 1024 * GIB) }, cpu_nanos = { kinds.whole(1, 1 << 40) },
  env = schema.map { kinds.any_text },
}, "scripts/policy/templates.lua")

local templates = {}

--- The template of that id, with the configuration's values where it has none of its own; the first
--- one when id is nil; nil when there is none of that id.
---@param id string|nil
---@return { id: string, image: string, memory_bytes: integer, cpu_nanos: integer|nil,
--- env: table<string, string>|nil }|nil
function templates.find(id)
  for _, template in ipairs(list) do
    if id == nil or template.id == id then
      return {
        id = template.id,
        image = template.image or config.stack.image,
        memory_bytes = template.memory_bytes or config.stack.memory_bytes,
        cpu_nanos = template.cpu_nanos or config.stack.cpu_nanos,
        env = next(template.env) and template.env or nil,
      }
    end
  end
end

--- The ids, in the order in which the page offers them.
---@return string[]
function templates.ids()
  local ids = {}
  for i, template in ipairs(list) do ids[i] = template.id end
  return ids
end

return templates
