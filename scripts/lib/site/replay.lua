--- Tries the policies that are loaded on decisions of the past. Runs in a process of its own, once
--- with the files in force and once with a candidate; scripts/commands/replay.lua is its entry.
local json = require "core.json"
local access = require "lib.policy.access"
local limits = require "lib.policy.limits"
local names = require "lib.policy.names"
local templates = require "lib.policy.templates"
local faults = require "lib.site.faults"
local replay = {}

local MOST = 100 -- changes that are listed; all are counted

---@class Past  a decision of the past, see lib/journal/decisions.lua
---@field id integer
---@field at number
---@field action string  as in the audit log; "name": a deploy was refused for its name
---@field who Who
---@field what What

---@class Outcomes  what policies say about the past
---@field decisions string[]  "yes", or the code of the refusal; a tab; the rule
---@field names string[]      for each existing name "yes" or a code
---@field templates table<string, string>  id -> its content

-- An access decision has a name that may be refused, too: what a visitor sees is the first refusal.
local function outcome_of(past)
  local makes = past.action == "deploy" or past.action == "restore"
  local name = (past.action == "name" or makes) and past.what.name
  if name then
    local is_good, code = names.check(name, past.who)
    if not is_good then return code, "names" end
    if past.action == "name" then return "yes", "names" end
  end
  if makes then past.what.quotas = limits.quotas_of(past.who) end
  local is_allowed, rule, code = access.decide(past.who, past.action, past.what)
  return is_allowed and "yes" or code, rule
end

-- Equal templates give equal texts.
local function written(value)
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for key, item in pairs(value) do parts[#parts + 1] = tostring(key) .. "=" .. written(item) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Who owns a workspace, as far as the owner's id says.
local function owner(id)
  local kind = id:match "^(%l+)%." or "owner"
  return { kind = kind, id = id }
end

--- What the loaded policies say.
---@param past Past[]
---@param workspaces { name: string, owner_id: string }[]  that exist
---@return Outcomes
function replay.outcomes(past, workspaces)
  local found = { decisions = json.array {}, names = json.array {}, templates = {} }
  for i, each in ipairs(past) do found.decisions[i] = table.concat({ outcome_of(each) }, "\t") end
  for i, each in ipairs(workspaces) do
    local is_good, code = names.check(each.name, owner(each.owner_id))
    found.names[i] = is_good and "yes" or code
  end
  for _, each in ipairs(templates.all()) do found.templates[each.id] = written(each) end
  return found
end

local function split(outcome)
  local result, rule = outcome:match "^(.-)\t(.*)$"
  return { result = result, rule = rule }
end

local function changed_decisions(before, after, past)
  local list, count = json.array {}, 0
  for i, each in ipairs(past) do
    local was, is = split(before[i]), split(after[i])
    if was.result ~= is.result then
      count = count + 1
      if count <= MOST then
        list[count] = {
          id = each.id, at = each.at, action = each.action, name = each.what.name,
          who = { kind = each.who.kind, id = each.who.id, groups = json.array {
            table.unpack(each.who.groups or {}) } },
          before = was, after = is,
        }
      end
    end
  end
  return list, count
end

-- Names of existing workspaces that could not be taken now, and could before.
local function refused_names(before, after, workspaces)
  local list = json.array {}
  for i, each in ipairs(workspaces) do
    if before[i] == "yes" and after[i] ~= "yes" and #list < MOST then
      list[#list + 1] = { name = each.name, code = after[i] }
    end
  end
  return list
end

-- Templates of existing workspaces that are gone or have changed.
local function changed_templates(before, after, workspaces)
  local uses, list = {}, json.array {}
  for _, each in ipairs(workspaces) do
    if each.template then uses[each.template] = (uses[each.template] or 0) + 1 end
  end
  for id, count in pairs(uses) do
    local change = not after[id] and "gone" or after[id] ~= before[id] and "changed"
    if change and before[id] then
      list[#list + 1] = { id = id, workspaces = count, change = change }
    end
  end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

-- Mistakes that showed while the candidate decided.
local function found_faults()
  local list = json.array {}
  for i, fault in ipairs(faults.list()) do
    list[i] = { where = fault.where, message = fault.message, count = fault.count }
  end
  return list
end

---@class Replayed
---@field decisions integer  that were tried
---@field changed integer    of these
---@field changes table[]    { id, at, action, name, who = { kind, id, groups },
---                          before = { result, rule }, after = { result, rule } }
---@field names table[]      { name, code }
---@field templates table[]  { id, workspaces = count, change = "gone" or "changed" }
---@field faults table[]     { where, message, count }

--- What would change.
---@param before Outcomes  with the files in force
---@param past Past[]
---@param workspaces { name: string, owner_id: string, template: string|nil }[]
---@return Replayed
function replay.compare(before, past, workspaces)
  local after = replay.outcomes(past, workspaces)
  local changes, count = changed_decisions(before.decisions, after.decisions, past)
  return {
    decisions = #past, changed = count, changes = changes,
    names = refused_names(before.names, after.names, workspaces),
    templates = changed_templates(before.templates, after.templates, workspaces),
    faults = found_faults(),
  }
end

return replay
