local task = require "core.task"
local timer = require "core.timer"

local cases = {}

local traced

local function trace(...) traced[#traced + 1] = table.concat({ ... }, " ") end

-- Runs a function and compares what it traced.
local function expect(expected, fn)
  traced = {}
  fn()
  local got = table.concat(traced, "; ")
  assert(got == expected, got .. " instead of " .. expected)
end

local function raises(pattern, fn, ...)
  local ok, message = pcall(fn, ...)
  assert(not ok and message:find(pattern), tostring(message))
end

local function on_close(text) return setmetatable({}, { __close = function() trace(text) end }) end

-- A function that sleeps and traces when it is closed.
local function sleeper(text)
  return function()
    local _ <close> = on_close(text)
    task.sleep(10)
  end
end

local function code_of(_, _, code) return tostring(code) end

function cases.sleep()
  local began = timer.now()
  assert(task.sleep(0.05) == true and timer.now() - began >= 0.049)
  assert(task.sleep(0) == true)
  raises("seconds", task.sleep, -1)
  raises("seconds", task.sleep, 0 / 0)
end

function cases.run_returns_results()
  local function swap(x, y)
    task.sleep(0.01)
    return y, x
  end
  local a, b, c = task.run(1, swap, 1, 2)
  assert(a == 2 and b == 1 and c == nil)
  assert(select("#", task.run(nil, function() end)) == 0)
  raises("function expected", task.run, 1, "no function")
end

function cases.run_ends_at_its_deadline()
  expect("closed; timeout", function() trace(code_of(task.run(0.02, sleeper "closed"))) end)
end

function cases.run_reports_failures()
  local a, message, code = task.run(nil, function() error "oops" end)
  assert(a == nil and code == "failed")
  assert(message:find("oops", 1, true) and message:find("stack traceback", 1, true))
  assert(code_of(task.run(nil, function() while true do end end)) == "failed")
end

function cases.all()
  local results = task.all {
    function() task.sleep(0.02) return 1, nil, 3 end,
    function() error "oops" end,
    function() end,
  }
  assert(#results == 3 and results[1].n == 3 and results[1][3] == 3)
  assert(results[2][1] == nil and results[2][3] == "failed" and results[2].n == 3)
  assert(results[3].n == 0)
  assert(#task.all {} == 0)
  raises("list of functions", task.all, { 1 })
end

function cases.all_ends_with_its_caller()
  expect("one; two; cancelled", function()
    local handle = task.spawn(nil, function() task.all { sleeper "two", sleeper "one" } end)
    task.sleep(0.01)
    handle:kill()
    trace(code_of(handle:wait()))
  end)
end

function cases.spawn_and_wait()
  local handle = task.spawn(nil, function(x) task.sleep(0.02) return x, 2 end, 1)
  assert(code_of(handle:wait(0.001)) == "timeout")
  for _ = 1, 2 do
    local a, b = handle:wait()
    assert(a == 1 and b == 2)
  end
  assert(handle:kill() == false)
  handle = task.spawn(nil, function() task.sleep(10) end)
  assert(handle:kill() == true and handle:kill() == false)
  assert(code_of(handle:wait()) == "cancelled")
end

function cases.names()
  local handle = task.spawn("named", function() error "oops" end)
  assert(task.alive "named")
  local none, _, code = task.spawn("named", print)
  assert(none == nil and code == "conflict")
  local a, _, failure = handle:wait()
  assert(a == nil and failure == "failed" and not task.alive "named")
end

function cases.a_spawned_task_outlives_its_starter()
  expect("end; after", function()
    local inner
    local handle = task.spawn(nil, function()
      inner = task.spawn(nil, function() task.sleep(0.01) trace "after" end)
      trace "end"
    end)
    handle:wait()
    inner:wait()
  end)
end

function cases.kill_oneself()
  expect("cancelled", function()
    local handle
    handle = task.spawn(nil, function() task.sleep(0) handle:kill() trace "never" end)
    trace(code_of(handle:wait()))
  end)
  expect("after the kill; cancelled", function()
    local handle
    handle = task.spawn("parent", function()
      task.run(nil, function() handle:kill() trace "after the kill" task.sleep(0) trace "never" end)
    end)
    trace(code_of(handle:wait()))
  end)
end

function cases.cancel()
  local expected = "true false; closed; cancelled true; cancelled; cancelled; false true undone"
  expect(expected, function()
    local handle = task.spawn("job", function()
      trace(code_of(task.run(10, sleeper "closed")), tostring(task.cancelled()))
      trace(code_of(task.sleep(10)))
      trace(code_of(task.run(10, function() trace "never" end)))
      task.shield()
      local was_cancelled, slept = task.cancelled(), task.sleep(0.001)
      local undone = task.run(1, function() return "undone" end)
      trace(tostring(was_cancelled), tostring(slept), undone)
    end)
    task.sleep(0.01)
    local found = task.cancel "job"
    traced[1] = ("%s %s"):format(found, task.cancel "nobody")
    handle:wait()
  end)
end

function cases.a_shielded_task_cannot_be_cancelled()
  local handle = task.spawn("job", function() task.shield() return task.sleep(0.02) end)
  task.sleep(0)
  assert(task.cancel "job" and handle:wait() == true)
end

function cases.cancel_leaves_other_waits()
  expect("asked; in its own time true", function()
    local other = task.spawn(nil, function() task.sleep(0.02) return "in its own time" end)
    local handle = task.spawn("job", function() trace(other:wait(), tostring(task.cancelled())) end)
    task.sleep(0)
    task.cancel "job"
    trace "asked"
    handle:wait()
  end)
end

function cases.lock()
  local function work(name)
    return function()
      return task.lock("l", function(x)
        trace("+" .. name)
        task.sleep(0.005)
        trace("-" .. name)
        return x, "b"
      end, name)
    end
  end
  expect("+a; -a; +b; -b; +c; -c; b b", function()
    local results = task.all { work "a", work "b", work "c" }
    trace(results[2][1], results[3][2])
  end)
  assert(not pcall(task.lock, "l", error, "oops"))
  assert(task.lock("l", function() return "free" end) == "free")
  assert(task.lock("one", function() return task.lock("two", function() return 2 end) end) == 2)
end

local function locked(name, seconds)
  return task.spawn(nil, task.lock, "l", function() trace(name) task.sleep(seconds) end)
end

function cases.a_killed_task_gives_up_its_lock()
  for _, order in ipairs { "one that waits first", "the holder first" } do
    expect("first; third", function()
      local first, second, third = locked("first", 10), locked("second", 10), locked("third", 0)
      task.sleep(0.01)
      if order == "one that waits first" then second:kill() end
      first:kill()
      second:kill() -- has just got the lock and has not run yet
      third:wait()
    end)
  end
end

function cases.a_stopped_task_gives_up_its_lock()
  local handle = task.spawn(nil, function()
    task.lock("l", table.sort, { 1, 2 }, function() while true do end end)
  end)
  handle:wait()
  assert(task.lock("l", function() return "free" end) == "free")
end

function cases.traceback_begins_where_the_error_was_raised()
  local function deep() error "oops" end
  local ok, text = xpcall(function() deep() end, task.traceback)
  assert(not ok and text:find "^[^\n]*oops\nstack traceback:\n", text)
  assert(text:find("in upvalue 'deep'", 1, true), text)
end

return cases
