--- What a visitor can deploy. The first one is taken when nobody chooses. Another template is
--- another { ... } in the list; its label is the text "template.ID.title" in locales/*.json.
return {
  {
    id = "default",
    image = nil,         -- nil: stack.image of config.lua
    memory_bytes = nil,  -- nil: stack.memory of config.lua; at least 1 GiB
    cpu_nanos = nil,     -- nil: stack.cpus of config.lua; 1 CPU is 1000000000
    -- Variables for the container, such as { STACK_AGENTS = '{"Oracle":"opencode/big-pickle"}' }:
    -- another model for an agent. No secrets: they are kept in the journal.
    env = nil,
  },
}
