--- What expressions of `deployer eval` and `deployer console` can use, and how their results are
--- shown.
local console = require "core.console"
local config = require "core.config"
local db = require "lib.journal.db"
local access = require "lib.policy.access"
local limits = require "lib.policy.limits"
local moment = require "lib.policy.moment"
local names = require "lib.policy.names"
local templates = require "lib.policy.templates"
local sorted_keys = require("lib.schema").sorted_keys
local shell = {}

local DEEPEST, WIDEST = 6, 100

local function is_list(value) return #value > 0 or next(value) == nil end

-- A value as Lua would write it; functions and the like by their kind.
local function written(value, depth)
  if type(value) == "string" then return ("%q"):format(value):gsub("\\\n", "\\n") .. "" end
  if type(value) ~= "table" then return tostring(value) end
  if depth > DEEPEST then return "{ ... }" end
  local parts = {}
  if is_list(value) then
    for i, item in ipairs(value) do parts[i] = written(item, depth + 1) end
  else
    local by_key = {}
    for key, item in pairs(value) do by_key[tostring(key)] = item end
    for i, key in ipairs(sorted_keys(by_key)) do
      local shown = key:find "^[%a_][%w_]*$" and key or ("[%q]"):format(key)
      parts[i] = shown .. " = " .. written(by_key[key], depth + 1)
    end
  end
  local line = "{ " .. table.concat(parts, ", ") .. " }"
  if #parts == 0 then return "{}" end
  if #line + depth * 2 <= WIDEST then return line end
  local outer = ("  "):rep(depth)
  local indent = outer .. "  "
  return ("{\n%s%s,\n%s}"):format(indent, table.concat(parts, ",\n" .. indent), outer)
end

local KINDS = { visitor = true, owner = true, user = true, token = true, admin = true }

local function person(who)
  if type(who) == "string" then who = { kind = who } end
  if who and not KINDS[who.kind] then
    error(("WHO: there is no kind %s (known: %s)"):format(written(who.kind, 0),
      table.concat(sorted_keys(KINDS), ", ")), 0)
  end
  return who
end

-- Prints what each rule answers.
local function explain(who, action, what)
  for _, each in ipairs(access.explain(person(who or {}), action, what)) do
    console.print(("%-30s %s"):format(each.rule, each.answer))
  end
end

-- Whether a name may be taken, leaving aside whether somebody has it.
local function check_name(name, who)
  local is_good, code, reason = names.check(name, person(who))
  return is_good or reason and code .. ": " .. reason or code
end

--- Gives expressions their names, beside Lua's own. Only in a command.
function shell.open()
  local names_of_shell = {
    explain = explain, check_name = check_name, now = moment.now, config = config,
    limits = limits, template = templates.find, query = db.rows,
  }
  for name, value in pairs(names_of_shell) do rawset(_G, name, value) end
end

local function print_results(is_good, ...)
  if not is_good then
    console.print("error: " .. tostring((...)))
    return false
  end
  for i = 1, select("#", ...) do console.print(written((select(i, ...)), 0)) end
  return true
end

--- Evaluates an expression, or runs statements, and prints the results. Waits.
---@param text string
---@return boolean is_good
function shell.run(text) return print_results(console.eval(text)) end

return shell
