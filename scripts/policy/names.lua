--- Which names nobody may take. Add a word or a pattern: one line each. Takes effect when the scripts are reloaded.
--- Also reserved, without an edit here: the words of reserved_names in config.lua (the variable RESERVED_NAMES).
local names = require "lib.base.names"
local lua_pattern = require "lib.base.pattern"
local policy = {}

-- Whole names, in lower case. One line a group, and why.
policy.words = {
  "mail", "smtp", "imap", "pop", "mx", "webmail",                       -- a host of this name is taken for a mail server
  "autoconfig", "autodiscover", "wpad", "isatap",                       -- programs look these up by themselves and believe what they find
  "ns", "dns", "ntp", "ftp", "vpn", "proxy", "gateway",                 -- infrastructure that may come later
  "dokploy", "traefik", "registry", "docker", "grafana", "prometheus",  -- ours, beside the stacks
  "localhost", "status", "health", "metrics", "static", "assets", "cdn",
  "login", "auth", "sso", "oauth", "account", "accounts", "billing", "payment", -- a page that asks for a password
  "security", "abuse", "support", "help", "postmaster", "hostmaster", "webmaster", "administrator",
}

-- Lua patterns, tried on the whole name: ^ and $ are its ends, %d a digit, %- a hyphen, .* anything.
policy.patterns = {
  "^www%d*$",      -- www, www2
  "^ns%d+$",       -- ns1: name servers
  "^mx%d+$",       -- mx1: mail servers
  "^admin%-",      -- admin-tools: looks official
  "^dokploy%-",    -- dokploy-...: Dokploy's own services
}

-- Ways to change a name that is not free; %s is the name. The first free ones are suggested.
policy.variations = { "%s-2", "my-%s", "%s-lab", "%s-dev", "%s-3", "%s-app", "%s-box", "the-%s" }
policy.suggestions = 3

--- A list of words as a set, for looking up: { mail = true, ... }.
---@param list string[]
---@return table<string, boolean>
function policy.set(list)
  local set = {}
  for _, word in ipairs(list) do set[word] = true end
  return set
end

local words = policy.set(policy.words)

--- Raises when one of the patterns is none: here, while it is loaded, and not when somebody asks for a name.
---@param patterns string[]
function policy.check_patterns(patterns)
  for _, pattern in ipairs(patterns) do
    local good, why = lua_pattern.check(tostring(pattern))
    if not good then error(("scripts/policy/names.lua: patterns: %q is no Lua pattern: %s"):format(pattern, why), 0) end
  end
end

policy.check_patterns(policy.patterns)

-- The patterns by the letter with which their names begin; 0 has those that do not say. So a name is tried on few.
local by_letter = { [0] = {} }
for _, pattern in ipairs(policy.patterns) do
  local letter = pattern:match("^%^(%l)[^*?%-]") or 0
  by_letter[letter] = by_letter[letter] or {}
  table.insert(by_letter[letter], pattern)
end

local function fits_one(name, patterns)
  for _, pattern in ipairs(patterns) do
    if name:find(pattern) then return true end
  end
  return false
end

local function reserved(name, more)
  if words[name] or more and more[name] then return true end
  local patterns = by_letter[name:sub(1, 1)]
  return patterns ~= nil and fits_one(name, patterns) or fits_one(name, by_letter[0])
end

--- Whether a folded name may be taken, leaving aside whether somebody has it.
---@param name string
---@param more table<string, boolean>|nil  reserved words of the configuration, as a set
---@return boolean ok
---@return string? code    name_invalid name_reserved
---@return string? reason  why it is not well formed
function policy.check(name, more)
  local good, reason = names.well_formed(name)
  if not good then return false, "name_invalid", reason end
  if reserved(name, more) then return false, "name_reserved" end
  return true
end

--- Up to three free names like this one.
---@param text string  as it was typed
---@param more table<string, boolean>|nil
---@param is_free fun(name: string): boolean
---@return string[]
function policy.suggest(text, more, is_free)
  local base, found = names.nearest(text), {}
  if not base then return found end
  local function try(name)
    if #found < policy.suggestions and policy.check(name, more) and is_free(name) then found[#found + 1] = name end
  end
  try(base)
  local stem = base:sub(1, names.max - 6):gsub("%-$", "") -- leaves room for what a variation adds
  for _, variation in ipairs(policy.variations) do try(variation:format(stem)) end
  return found
end

return policy
