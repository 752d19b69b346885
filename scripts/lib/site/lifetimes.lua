--- Applies `lifetimes` of policy/limits.lua: workspaces that are deleted some time after they were
--- made, and a note to their owners before.
local schema = require "lib.schema"
local i18n = require "lib.pages.i18n"
local limits = require "lib.policy.limits"
local templates = require "lib.policy.templates"

local lifetimes = {}

local NAME, CRON = "lifetimes", "*/10 * * * *"
local policy = limits.lifetimes

for _, id in ipairs(schema.sorted_keys(policy.after)) do
  if id ~= "all" and not templates.find(id) then
    schema.refuse("site/policy/limits.lua", "lifetimes.after." .. id,
      "there is no template of that name (templates: %s; all: every other one)",
      table.concat(templates.ids(), ", "))
  end
end

-- Another operation on it ends first.
local at_rest = { ready = true, unhealthy = true, stopped = true, asleep = true }

local function end_of(workspace)
  local seconds = policy.after[workspace.template or ""] or policy.after.all
  return seconds and workspace.created_at + seconds
end

local function warning(ends)
  local texts, args = {}, { date = os.date("!%Y-%m-%d", math.floor(ends)) }
  for _, language in ipairs(i18n.languages()) do
    texts[language.code] = i18n.text(language.code, "note.lifetime", args)
  end
  return texts
end

local function look_at(portal, workspace)
  local ends, now = end_of(workspace), portal.now()
  if not ends or not at_rest[workspace.state] then return end
  if now >= ends then
    portal.delete(workspace.name, "its lifetime is over", { data = "keep" })
  elseif policy.warn and now >= ends - policy.warn then
    local texts = warning(ends)
    local is_shown = workspace.note and workspace.note[i18n.default] == texts[i18n.default]
    if not is_shown then portal.note(workspace.name, texts) end
  end
end

local function run(portal)
  for _, workspace in ipairs(assert(portal.workspaces())) do look_at(portal, workspace) end
end

--- The schedules that this needs.
---@return table[]  none when every workspace stays
function lifetimes.entries()
  if not next(policy.after) then return {} end
  return { { name = NAME, cron = CRON, run = run } }
end

return lifetimes
