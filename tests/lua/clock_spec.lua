local support = require "support.engine"

describe("the seconds between two times", function()
  local clock
  before_each(function()
    support.start {}
    clock = require "lib.base.clock"
  end)
  after_each(support.stop)

  it("are told to the millisecond, also over midnight and a month's end", function()
    for _, case in ipairs {
      { "2026-11-23T09:01:41.889Z", "2026-11-23T09:01:43.922Z", 2.033 }, { "2026-11-23T23:59:59.500Z", "2026-11-24T00:00:01Z", 1.5 },
      { "2026-02-28T23:59:59.000Z", "2026-03-01T00:00:00.250Z", 1.25 },
    } do
      assert.is_true(math.abs(clock.between(case[1], case[2]) - case[3]) < 1e-6, case[1])
    end
  end)

  it("are unknown when one is no time", function()
    for _, none in ipairs { "", "yesterday", "2026-11-23", 17, false } do
      assert.is_nil(clock.between("2026-11-23T09:01:41.889Z", none))
      assert.is_nil(clock.between(none, "2026-11-23T09:01:41.889Z"))
    end
    assert.is_nil(clock.between(nil, nil))
  end)
end)
