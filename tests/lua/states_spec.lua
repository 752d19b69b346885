local support = require "support.engine"
local kinds = require "lib.operations.kinds"
local states = require "lib.operations.states"

describe("every state of an operation", function()
  it("is an end, or has a deadline, and a next, a late and a cancelled state", function()
    for name, state in pairs(states) do
      if not state.ended then
        local deadline = state.deadline
        assert.truthy(deadline == "steps" or math.type(deadline) and deadline > 0, name)
        for _, edge in ipairs { "next", "late", "cancel" } do
          assert.truthy(states[state[edge]], name .. " has no state after " .. edge)
        end
        assert.is_not.equal(name, state.late, name .. " stays when it is late")
      end
    end
  end)

  it("leads to an end, on time or late", function()
    for _, edge in ipairs { "next", "late" } do
      for name in pairs(states) do
        local at, hops = name, 0
        while not states[at].ended do
          at, hops = states[at][edge], hops + 1
          assert.truthy(hops < 10, name .. " never ends by " .. edge)
        end
      end
    end
  end)
end)

describe("every kind of operation", function()
  it("has a state with a deadline, a flow, and a good end", function()
    for name, kind in pairs(kinds) do
      assert.truthy(states[kind.state] and states[kind.state].deadline, name)
      assert.truthy(kind.flow, name)
      assert.truthy(states[kind.done.state].ended, name)
      assert.equal(kind.flow == "work", kind.parts ~= nil, name)
    end
  end)
end)

describe("every step", function()
  it("has a deadline, and the deadline of all leaves the steps room", function()
    support.start()
    local steps, sum = require "steps", 0
    for _, step in ipairs(steps) do
      assert.truthy(step.deadline > 0 and step.expect > 0, step.name)
      assert.truthy(step.expect <= step.deadline, step.name)
      sum = sum + step.expect
    end
    assert.truthy(steps.deadline > sum)
    support.stop()
  end)
end)
