-- core.shared and core.log.
local shared = require "core.shared"
local log = require "core.log"
local task = require "core.task"

local cases, parts = {}, {}

function cases.shared()
  assert(shared.get "x" == nil)
  for _, value in ipairs { "text", "a\0b", 5, 1.5, true, false } do
    shared.set("x", value)
    assert(shared.get "x" == value and math.type(shared.get "x") == math.type(value))
  end
  shared.set("x", nil)
  assert(shared.get "x" == nil)
  assert(shared.add("claim:a", "me") == true)
  assert(shared.add("claim:a", "you") == false and shared.get "claim:a" == "me")
  assert(shared.incr "n" == 1 and shared.incr("n", 5) == 6 and shared.incr("n", -0.5) == 5.5)
  assert(math.type(shared.incr "m") == "integer")
  shared.set("claim:c", 1)
  shared.set("claim:b", 1)
  shared.set("other", 1)
  assert(table.concat(shared.keys "claim:", " ") == "claim:a claim:b claim:c")
  assert(#shared.keys "none" == 0)
end

function cases.time_to_live()
  shared.set("soon", 1, 0.02)
  assert(shared.incr("count", 1, 0.5) == 1)
  task.sleep(0.03)
  assert(shared.get "soon" == nil)
  assert(shared.incr("count", 1, 100) == 2) -- keeps the first time to live
  task.sleep(0.5)
  assert(shared.incr("count", 1, 1) == 1)
end

function cases.shared_misuse()
  local function raises(...) assert(not pcall(...)) end
  shared.set("text", "me")
  raises(shared.get)
  raises(shared.get, 5)
  raises(shared.set, "x", {})
  raises(shared.set, "x", 1, 0)
  raises(shared.set, "x", 1, -1)
  raises(shared.add, "x")
  raises(shared.incr, "text")
  raises(shared.incr, "n", "x")
end

function parts.log_lines()
  log.debug("not.seen")
  log.info("What happened: \"this\"")
  log.info("test.line", { z = 1, b = "x\n", a = true, half = 0.5, api_token = "canary" })
end

function cases.log_misuse()
  local function raises(message, ...)
    local ok, why = pcall(log.info, ...)
    assert(not ok and why:find(message), tostring(why))
  end
  raises("string", nil)
  raises("table", "x", { t = {} })
  raises("level", "x", { level = "y" })
  raises("name", "x", { 5 })
  raises("table", "x", "y")
end

return cases, parts
