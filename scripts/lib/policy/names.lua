--- Applies policy/names.lua: which names may be taken, and what to suggest instead.
local config = require "core.config"
local hosts = require "lib.base.host"
local latin = require "lib.base.latin"
local names = require "lib.base.names"
local pattern_syntax = require "lib.policy.pattern"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"

local FILE = "scripts/policy/names.lua"
local policy = schema.check(require "policy.names", {
  words = schema.list { kinds.text }, patterns = schema.list { kinds.any_text },
  variations = schema.list { kinds.text }, neutral = schema.list { kinds.text },
  suggestions = { kinds.whole(0, 10), default = 3 },
}, FILE)

-- A malformed pattern fails here, at load time, not when somebody asks for a name.
for i, pattern in ipairs(policy.patterns) do
  local is_good, why = pattern_syntax.check(pattern)
  if not is_good then
    schema.refuse(FILE, ("patterns[%d]"):format(i), "%q is not a Lua pattern: %s", pattern, why)
  end
end

local reserved, patterns = {}, policy.patterns
for _, list in ipairs { policy.words, config.reserved_names or {} } do
  for _, word in ipairs(list) do reserved[word] = true end
end

-- A workspace must not get the host of the portal or of Dokploy, nor one above it.
local below_suffix = "%.([^.]+)%." .. config.stack.suffix:gsub("%p", "%%%0") .. "$"
local function label_of(host) return ("." .. host):match(below_suffix) end
local function reserve_host(host)
  local label = label_of(host)
  if label then reserved[label] = true end
end
for host in pairs(config.hosts or {}) do reserve_host(host) end
reserve_host(hosts.of_url(config.dokploy.url))

local function is_reserved(name)
  if reserved[name] then return true end
  for i = 1, #patterns do
    if name:find(patterns[i]) then return true end
  end
  return false
end

local name_policy = {}

--- Whether a folded name may be taken, leaving aside whether somebody has it.
---@param name string
---@param asked string|nil  the host under which the portal was asked: it is the portal's own, also
--- where PORTAL_HOSTS does not name it
---@return boolean ok
---@return string? code    name_invalid name_reserved
---@return string? reason  why it is not well formed
function name_policy.check(name, asked)
  local is_good, reason = names.well_formed(name)
  if not is_good then return false, "name_invalid", reason end
  if is_reserved(name) or asked and label_of(asked) == name then return false, "name_reserved" end
  return true
end

local function bases_of(name)
  local nearest = names.nearest(latin(name))
  if nearest then return { nearest } end
  return name:find "[\x80-\xff]" and policy.neutral or {}
end

--- Free names that resemble a name; neutral ones when no Latin letters can stand for it.
---@param name string  folded
---@param is_free fun(name: string): boolean
---@return string[]
function name_policy.suggest(name, is_free)
  local found = {}
  local function try(other)
    if #found < policy.suggestions and name_policy.check(other) and is_free(other) then
      found[#found + 1] = other
    end
  end
  local bases = bases_of(name)
  for _, base in ipairs(bases) do try(base) end
  for _, base in ipairs(bases) do
    local stem = base:sub(1, names.max - 6):gsub("%-$", "") -- leaves room for what is added
    for _, variation in ipairs(policy.variations) do try(variation:format(stem)) end
  end
  return found
end

return name_policy
