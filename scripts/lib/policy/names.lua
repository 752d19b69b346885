--- Applies policy/names.lua, with a site's additions: which names may be taken, and what to suggest
--- instead.
local config = require "core.config"
local check = require "lib.base.check"
local hosts = require "lib.base.host"
local latin = require "lib.base.latin"
local names = require "lib.base.names"
local guarded = require "lib.policy.guarded"
local pattern_syntax = require "lib.policy.pattern"
local subject = require "lib.policy.subject"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"
local site = require "lib.base.site"

local FILE, SITE_FILE = "scripts/policy/names.lua", "site/policy/names.lua"

-- A whole name or the start of one. Nothing else could ever match.
local part = {
  hint = "lower-case letters a to z, digits and hyphens; anything else goes into patterns",
  read = function(value)
    local text = type(value) == "string" and names.fold(value) or ""
    return text:find "^[a-z0-9-]+$" ~= nil, text
  end,
}
local example = {
  hint = '{ "yes" or the code of the refusal, name, who (a visitor when left out) }',
  read = function(value)
    return type(value) == "table" and type(value[1]) == "string" and type(value[2]) == "string"
      and (value[3] == nil or type(value[3]) == "table"), value
  end,
}
local shape = {
  words = schema.list { part }, prefixes = schema.list { part },
  patterns = schema.list { kinds.any_text }, check = { kinds.func },
  variations = schema.list { kinds.text }, neutral = schema.list { kinds.text },
  suggestions = { kinds.whole(0, 10) }, examples = schema.list { example },
}

local function read(file, value)
  local policy = schema.check(value, shape, file)
  -- A malformed pattern fails here, at load time, not when somebody asks for a name.
  for i, pattern in ipairs(policy.patterns) do
    local is_good, why = pattern_syntax.check(pattern)
    if not is_good then
      schema.refuse(file, ("patterns[%d]"):format(i), "%q is not a Lua pattern: %s", pattern, why)
    end
  end
  if policy.check then
    policy.check = guarded.new {
      kind = "name_check", name = "check", source = file .. ": check", fn = policy.check,
      is_own = file == SITE_FILE,
    }
  end
  return policy
end

local shipped = read(FILE, require "policy.names")
local own = read(SITE_FILE, site.part "policy/names" or {})

-- A site adds to these lists...
local function joined(key, more)
  local all = {}
  for _, list in ipairs { shipped[key], own[key], more } do
    table.move(list, 1, #list, #all + 1, all)
  end
  return all
end

-- ... and replaces these.
local function replaced(key) return #own[key] > 0 and own[key] or shipped[key] end

local prefixes, patterns = joined "prefixes", joined "patterns"
local variations, neutral = replaced "variations", replaced "neutral"
local most_suggestions = own.suggestions or shipped.suggestions or 3

local reserved = {}
for _, word in ipairs(joined("words", config.reserved_names)) do reserved[word] = true end

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
  for i = 1, #prefixes do
    if name:sub(1, #prefixes[i]) == prefixes[i] then return true end
  end
  for i = 1, #patterns do
    if name:find(patterns[i]) then return true end
  end
  return false
end

local name_policy = {}

-- By the words, prefixes and patterns, and then by the checks; `call` calls one.
local function decide(policies, call, name, who)
  if is_reserved(name) then return false, "name_reserved" end
  for _, policy in ipairs(policies) do
    if policy.check then
      local is_allowed, code, more = call(policy.check, name, who)
      if is_allowed == false then return false, code, nil, more end
    end
  end
  return true
end

local both = { shipped, own }

--- Whether a folded name may be taken, leaving aside whether somebody has it. A check that fails
--- refuses.
---@param name string
---@param who Who|nil  nil: a visitor
---@param asked string|nil  the host under which the portal was asked: it is the portal's own, also
--- where PORTAL_HOSTS does not name it
---@return boolean ok
---@return string? code    name_invalid name_reserved policy_failed, or a check's own
---@return string? reason  why it is not well formed
---@return table? more     options for refusal.raise, from a check's own refusal
function name_policy.check(name, who, asked)
  local is_good, reason = names.well_formed(name)
  if not is_good then return false, "name_invalid", reason end
  if asked and label_of(asked) == name then return false, "name_reserved" end
  return decide(both, guarded.call, name, subject.who(who or { kind = "visitor" }))
end

local function bases_of(name)
  local nearest = names.nearest(latin(name))
  if nearest then return { nearest } end
  return name:find "[\x80-\xff]" and neutral or {}
end

--- Free names that resemble a name; neutral ones when no Latin letters can stand for it.
---@param name string  folded
---@param is_free fun(name: string): boolean
---@param who Who|nil  for whom; nil: a visitor
---@return string[]
function name_policy.suggest(name, is_free, who)
  local found, has_failed = {}, false
  local function try(other)
    if has_failed or #found >= most_suggestions then return end
    local is_good, code = name_policy.check(other, who)
    has_failed = code == "policy_failed" -- a broken check is called once, not for each of them
    if is_good and is_free(other) then found[#found + 1] = other end
  end
  local bases = bases_of(name)
  for _, base in ipairs(bases) do try(base) end
  for _, base in ipairs(bases) do
    local stem = base:sub(1, names.max - 6):gsub("%-$", "") -- leaves room for what is added
    for _, variation in ipairs(variations) do try(variation:format(stem)) end
  end
  return found
end

-- The product's examples hold for its own check, a site's for both.
local function check_examples(file, policies, examples)
  check.examples(file, function(name, who)
    local folded = names.fold(name)
    if not names.well_formed(folded) then return "name_invalid" end
    local is_allowed, code =
      decide(policies, guarded.probe, folded, (subject.example(who or { kind = "visitor" })))
    return is_allowed and "yes" or code
  end, examples)
end
check_examples(FILE, { shipped }, shipped.examples)
check_examples(SITE_FILE, both, own.examples)

--- A name that the site's check accepts from anyone, by its examples; without one, a usual name.
---@return string
function name_policy.example()
  for _, each in ipairs(own.examples) do
    if each[1] == "yes" and not each[3] then return names.fold(each[2]) end
  end
  return "my-workspace"
end

-- A check without examples is tried on the product's, so that a misspelt name is found.
if own.check then
  check.probes(function(name, who)
    guarded.probe(own.check, names.fold(name), (subject.example(who or { kind = "visitor" })))
  end, shipped.examples)
end

return name_policy
