--- Applies policy/access.lua with a site's rules among its own: the first rule with an answer
--- decides.
local check = require "lib.base.check"
local guarded = require "lib.policy.guarded"
local moment = require "lib.policy.moment"
local subject = require "lib.policy.subject"
local schema = require "lib.schema"
local kinds = require "lib.schema.kinds"
local site = require "lib.base.site"

local FILE, SITE_FILE = "scripts/policy/access.lua", "site/policy/access.lua"
local text, flag = { kinds.text, required = true }, { kinds.flag }
local scope = kinds.one_of { "create", "read", "delete", "secrets", "admin" }
local example = {
  hint = '{ "yes" or the code of the refusal, who, action, what }',
  read = function(value)
    return type(value) == "table" and type(value[1]) == "string" and type(value[2]) == "table"
      and type(value[3]) == "string" and (value[4] == nil or type(value[4]) == "table"), value
  end,
}
local function read(file, value, rule)
  rule.name, rule.decide = text, { kinds.func, required = true }
  local policy = schema.check(value, {
    scopes = schema.map { scope }, unaudited = schema.map(flag), rules = schema.list(rule),
    examples = schema.list { example },
  }, file)
  for i, each in ipairs(policy.rules) do
    each.file, each.path = file, ("rules[%d]"):format(i)
    each.guarded = guarded.new {
      kind = "rule", name = each.name, source = ("%s: rule %q"):format(file, each.name),
      fn = each.decide, is_own = file == SITE_FILE,
    }
  end
  return policy
end

-- The product's rules, and the site's, which say where they belong
local shipped = read(FILE, require "policy.access", {})
local own = read(SITE_FILE, site.part "policy/access" or {}, {
  before = { kinds.text }, after = { kinds.text },
})

local function names_of(rules)
  local names = {}
  for i, rule in ipairs(rules) do names[i] = rule.name end
  return table.concat(names, ", ")
end

-- { before = { rule name -> the site's rules before it }, after = ... }
local function by_neighbour()
  local known, found = {}, { before = {}, after = {} }
  for _, rules in ipairs { shipped.rules, own.rules } do
    for _, rule in ipairs(rules) do
      if known[rule.name] then
        schema.refuse(rule.file, rule.path .. ".name",
          "there is a rule %q already (give it another name)", rule.name)
      end
      known[rule.name] = true
    end
  end
  for _, rule in ipairs(own.rules) do
    local side = rule.before and "before" or "after"
    local neighbour = rule.before or rule.after
    if not neighbour or rule.before and rule.after then
      schema.refuse(SITE_FILE, rule.path, "rule %q needs its place (write before or after, and the "
        .. "name of one rule: %s)", rule.name, names_of(shipped.rules))
    elseif not known[neighbour] then
      schema.refuse(SITE_FILE, rule.path .. "." .. side, "there is no rule %q (known: %s)",
        neighbour, names_of(shipped.rules))
    end
    local list = found[side][neighbour] or {}
    list[#list + 1] = rule
    found[side][neighbour] = list
  end
  return found
end

local function merged()
  local neighbours, list, is_placed = by_neighbour(), {}, {}
  local function place(rule)
    for _, other in ipairs(neighbours.before[rule.name] or {}) do place(other) end
    list[#list + 1], is_placed[rule] = rule, true
    for _, other in ipairs(neighbours.after[rule.name] or {}) do place(other) end
  end
  for _, rule in ipairs(shipped.rules) do place(rule) end
  for _, rule in ipairs(own.rules) do
    if not is_placed[rule] then
      schema.refuse(SITE_FILE, rule.path, "rule %q and its neighbour name each other (let one of "
        .. "them name a rule of %s)", rule.name, FILE)
    end
  end
  return list
end

local function overlaid(key)
  local all = {}
  for _, policy in ipairs { shipped, own } do
    for name, value in pairs(policy[key]) do all[name] = value end
  end
  return all
end

local rules, unaudited = merged(), overlaid "unaudited"
local access = { scopes = overlaid "scopes" }

-- Deciding

-- The first answer; `call` calls a rule.
local function evaluate(list, call, who, action, what)
  for _, rule in ipairs(list) do
    local is_allowed, code, more = call(rule.guarded, who, action, what)
    if is_allowed ~= nil then return is_allowed, rule.name, code, more end
  end
  return false, "nobody_else", "admin_only"
end

--- Whether a person may do something. A rule that fails refuses.
---@param who Who  completed in place (scripts/meta/policy.lua)
---@param action string
---@param what What  the same
---@return boolean is_allowed
---@return string rule   the name of the rule that decided
---@return string? code  why not
---@return table? more   options for refusal.raise, from a refusal with a code of its own
function access.decide(who, action, what)
  what.scope = access.scopes[action]
  return evaluate(rules, guarded.call, subject.who(who), action, subject.what(what, moment.now()))
end

--- What each rule answers, in order, up to the one that decides.
---@param who Who
---@param action string
---@param what What|nil  what is left out is as in examples, but for the time, which is now
---@return { rule: string, answer: string }[]  answer: "-" where it does not apply, "yes", a code,
--- or the message of an error
function access.explain(who, action, what)
  local answers = {}
  local time = what and what.now or moment.now()
  who, what = subject.example(who, what)
  what.now, what.scope = time, access.scopes[action]
  for i, rule in ipairs(rules) do
    local is_good, is_allowed, code = pcall(guarded.try, rule.guarded, who, action, what)
    local answer = is_good and (is_allowed and "yes" or code or "-") or "error: " .. is_allowed
    answers[i] = { rule = rule.name, answer = answer }
    if answer ~= "-" then return answers end
  end
  answers[#answers + 1] = { rule = "nobody_else", answer = "admin_only" }
  return answers
end

--- Whether an action leaves an entry in the audit log.
---@return boolean
function access.is_audited(action) return not unaudited[action] end

-- The product's examples hold for its own rules, a site's for all of them.
local function check_examples(file, list, scopes, examples)
  check.examples(file, function(who, action, what)
    who, what = subject.example(who, what)
    what.scope = scopes[action]
    local is_allowed, _, code = evaluate(list, guarded.probe, who, action, what)
    return is_allowed and "yes" or code
  end, examples)
end
check_examples(FILE, shipped.rules, shipped.scopes, shipped.examples)
check_examples(SITE_FILE, rules, access.scopes, own.examples)

-- Rules without an example are tried on the product's, so that a misspelt name is found.
for _, rule in ipairs(own.rules) do
  check.probes(function(who, action, what)
    who, what = subject.example(who, what)
    what.scope = access.scopes[action]
    guarded.probe(rule.guarded, who, action, what)
  end, shipped.examples)
end

return access
