--- What a visitor can deploy. The first one is taken when nobody chooses. Another template is another { ... } in the list;
--- its label is the text "template.ID.title" in locales/*.json.
local policy = {}

policy.list = {
  {
    id = "default",
    image = nil,         -- nil: stack.image of config.lua
    memory_bytes = nil,  -- nil: stack.memory of config.lua. Never below 1 GiB: OpenCode takes about half of it
    cpu_nanos = nil,     -- nil: stack.cpus of config.lua; 1 CPU is 1000000000
    env = nil,           -- variables for the container, such as { STACK_AGENTS = '{"Oracle":"opencode/big-pickle"}' }: another model
                         -- for an agent, without another image. No secrets: they would stand in the journal
  },
}

--- The template of that id, whole; the first one when id is nil.
---@param id string|nil
---@param stack { image: string, memory_bytes: integer, cpu_nanos: integer|nil }  the configuration's values
---@return { id: string, image: string, memory_bytes: integer, cpu_nanos: integer|nil, env: table<string, string>|nil }|nil
function policy.find(id, stack)
  for _, template in ipairs(policy.list) do
    if id == nil or template.id == id then
      return {
        id = template.id,
        image = template.image or stack.image,
        memory_bytes = template.memory_bytes or stack.memory_bytes,
        cpu_nanos = template.cpu_nanos or stack.cpu_nanos,
        env = template.env,
      }
    end
  end
  return nil
end

--- The ids, in the order in which the page offers them.
---@return string[]
function policy.ids()
  local ids = {}
  for _, template in ipairs(policy.list) do ids[#ids + 1] = template.id end
  return ids
end

return policy
