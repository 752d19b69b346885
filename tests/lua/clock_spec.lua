local clock = require "lib.base.clock"

describe("the seconds between two times", function()
  it("are exact to the millisecond, also over midnight and a month's end", function()
    local cases = {
      { "2026-11-23T09:01:41.889Z", "2026-11-23T09:01:43.922Z", 2.033 },
      { "2026-11-23T23:59:59.500Z", "2026-11-24T00:00:01Z", 1.5 },
      { "2026-02-28T23:59:59.000Z", "2026-03-01T00:00:00.250Z", 1.25 },
    }
    for _, case in ipairs(cases) do
      assert.is_true(math.abs(clock.between(case[1], case[2]) - case[3]) < 1e-6, case[1])
    end
  end)

  it("are unknown when one is not a time", function()
    for _, other in ipairs { "", "yesterday", "2026-11-23", 17, false } do
      assert.is_nil(clock.between("2026-11-23T09:01:41.889Z", other))
      assert.is_nil(clock.between(other, "2026-11-23T09:01:41.889Z"))
    end
    assert.is_nil(clock.between(nil, nil))
  end)

  -- In a zone with summer time: the times are UTC, so the change of the clocks must not show.
  it("are the same while the clocks change", function()
    local program = [[
      package.path = "scripts/?.lua"
      local clock = require "lib.base.clock"
      print(os.time { year = 2026, month = 7, day = 1, hour = 0 }, clock.between(%q, %q))]]
    local function between(from, to)
      local command = ("TZ=Europe/Amsterdam lua5.4 -e '%s'"):format(program:format(from, to))
      local pipe = assert(io.popen(command))
      local local_july, seconds = pipe:read("a"):match "(%d+)%s+(%d+)"
      pipe:close()
      assert.equal(1782856800, tonumber(local_july), "the zone is in force")
      return tonumber(seconds)
    end
    assert.equal(1800, between("2026-03-29T00:45:00Z", "2026-03-29T01:15:00Z"))
    assert.equal(1800, between("2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"))
  end)
end)

describe("a time in UTC", function()
  it("is read by the calendar", function()
    assert.equal(0, clock.read_iso "1970-01-01T00:00:00Z")
    assert.equal(951782400, clock.read_iso "2000-02-29T00:00:00Z")
    assert.equal(4107542400, clock.read_iso "2100-03-01T00:00:00.000Z")
    assert.equal("2026-11-23T09:01:41.889Z", clock.iso(clock.read_iso "2026-11-23T09:01:41.889Z"))
  end)
end)
