local portal = require "support.portal"

describe("an idle workspace", function()
  local judge
  setup(function()
    portal.start { modules = { ["lib.base.outgoing"] = {}, ["lib.workspaces.health"] = {} } }
    judge = require("lib.workspaces.idle").judge
  end)

  it("is idle since its sessions and its report say so, whichever is later", function()
    assert.equal(500, judge({}, nil, { at = 1000, idle = 500 }, 1000))
    assert.equal(520, judge({}, nil, { at = 980, idle = 500 }, 1000))
    assert.equal(100, judge({}, 900, { at = 1000, idle = 500 }, 1000))
    assert.equal(500, judge({}, 100, { at = 1000, idle = 500 }, 1000))
    assert.equal(0, judge({}, 1100, { at = 1000, idle = 500 }, 1000), "a session of the future")
  end)

  it("is one of which everything is known, and no session is at work", function()
    local report = { at = 1000, idle = 500 }
    for _, case in ipairs {
      { nil, report }, { "{}", report }, { { ses_1 = { type = "busy" } }, report },
      { { ses_1 = { type = "retry" } }, report }, { { ses_1 = { type = "new" } }, report },
      { {}, nil }, { {}, "yes" }, { {}, { at = 1000 } }, { {}, { idle = 500 } },
      { {}, { at = "now", idle = 500 } }, { {}, { at = 800, idle = 500 } },
      { {}, { at = 1200, idle = 500 } },
    } do
      local seconds, why = judge(case[1], nil, case[2], 1000)
      assert.is_nil(seconds)
      assert.equal("string", type(why))
    end
  end)
end)
