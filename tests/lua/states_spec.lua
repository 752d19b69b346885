local states = require "lib.operations.states"

describe("every state of an operation", function()
  it("is an end, or has a deadline that leads on, a cancel that leads on, and a good way out", function()
    for name, state in pairs(states) do
      if not state.ended then
        assert.truthy(state.deadline == "steps" or (type(state.deadline) == "number" and state.deadline > 0), name .. " has no deadline")
        for _, edge in ipairs { "next", "late", "cancel" } do
          assert.truthy(states[state[edge]], name .. " has no way out by " .. edge)
        end
        assert.is_not.equal(name, state.late, name .. " leads back to itself when its time is over")
      end
    end
  end)

  it("comes to an end, whichever way it goes", function()
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

  it("has a deadline in each step, and one for all, that leaves the steps room", function()
    require("support.engine").start()
    local steps, sum = require "steps", 0
    for _, step in ipairs(steps) do
      assert.truthy(step.deadline > 0 and step.expect > 0 and step.expect <= step.deadline, step.name)
      sum = sum + step.expect
    end
    assert.truthy(steps.deadline > sum)
    require("support.engine").stop()
  end)
end)
