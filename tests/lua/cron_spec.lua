local clock = require "lib.base.clock"
local cron = require "lib.base.cron"
local zone = require "lib.base.zone"

local function zone_of(name)
  local file = assert(io.open("/usr/share/zoneinfo/" .. name, "rb"))
  local bytes = file:read "a"
  file:close()
  return assert(zone.read(bytes))
end

local amsterdam = zone_of "Europe/Amsterdam"

local function utc(text) return math.tointeger(clock.read_iso(text .. ":00Z")) end

-- The next times after a moment, as UTC.
local function times(plan, after, count, where)
  local list, at = {}, utc(after)
  for i = 1, count do
    at = cron.next(assert(cron.read(plan)), at, where or zone.utc)
    list[i] = at and os.date("!%Y-%m-%dT%H:%M", at) or "never"
  end
  return list
end

describe("a schedule in cron's notation", function()
  it("has five fields with lists, ranges, steps and names", function()
    local cases = {
      { "0 22 * * 1-5", "2026-12-04T12:00", { "2026-12-04T22:00", "2026-12-07T22:00" } },
      { "*/15 8-9 * * *", "2026-12-01T09:40", { "2026-12-01T09:45", "2026-12-02T08:00" } },
      { "5,35 0 1 jan,JUL *", "2026-12-01T00:00", { "2027-01-01T00:05", "2027-01-01T00:35" } },
      { "0 0 * * sun", "2026-12-01T00:00", { "2026-12-06T00:00", "2026-12-13T00:00" } },
      { "0 0 * * 7", "2026-12-01T00:00", { "2026-12-06T00:00", "2026-12-13T00:00" } },
      { "10/20 3 * * *", "2026-12-01T00:00", { "2026-12-01T03:10", "2026-12-01T03:30" } },
      { "0 12 29 2 *", "2026-12-01T00:00", { "2028-02-29T12:00", "2032-02-29T12:00" } },
      { "* * * * *", "2026-12-31T23:59", { "2027-01-01T00:00", "2027-01-01T00:01" } },
    }
    for _, case in ipairs(cases) do
      assert.same(case[3], times(case[1], case[2], 2), case[1])
    end
  end)

  it("takes a day of the month or of the week when both are given", function()
    assert.same({ "2026-12-04T06:00", "2026-12-11T06:00", "2026-12-13T06:00" },
      times("0 6 13 * fri", "2026-12-01T00:00", 3))
  end)

  it("never comes on a day that does not exist", function()
    assert.same({ "never" }, times("0 0 30 2 *", "2026-12-01T00:00", 1))
  end)

  it("is refused with the field that cannot be read", function()
    local cases = {
      { "0 22 * *", "4 fields" }, { "60 * * * *", "minute" }, { "0 24 * * *", "hour" },
      { "0 0 0 * *", "day" }, { "0 0 * foo *", "month" }, { "0 0 * * 8", "weekday" },
      { "5-1 * * * *", "minute" }, { "*/0 * * * *", "minute" }, { "1, * * * *", "minute" },
      { "-1 * * * *", "minute" }, { "1/ * * * *", "minute" }, { "@daily", "1 fields" },
    }
    for _, case in ipairs(cases) do
      local plan, message = cron.read(case[1])
      assert.is_nil(plan, case[1])
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end)
end)

describe("a schedule in a zone with summer time", function()
  it("keeps its time of day", function()
    assert.same({ "2026-03-28T21:00", "2026-03-29T20:00" },
      times("0 22 * * *", "2026-03-28T00:00", 2, amsterdam))
    assert.same({ "2040-06-30T20:00" }, times("0 22 * * *", "2040-06-30T00:00", 1, amsterdam))
  end)

  it("runs at the next valid minute when its time is skipped", function()
    assert.same({ "2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30" },
      times("30 2 * * *", "2026-03-28T00:00", 3, amsterdam))
    assert.same({ "2026-03-29T01:00", "2026-03-30T00:15" },
      times("15,45 2 * * *", "2026-03-28T12:00", 2, amsterdam), "once")
    local santiago = zone_of "America/Santiago" -- it skips from 00:00 to 01:00
    assert.same({ "2026-09-05T04:00", "2026-09-06T04:00", "2026-09-07T03:00" },
      times("0 0 * * *", "2026-09-05T00:00", 3, santiago))
  end)

  it("runs once when its time comes twice", function()
    assert.same({ "2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30" },
      times("30 2 * * *", "2026-10-24T00:00", 3, amsterdam))
  end)

  it("follows the hours that pass when every hour is meant", function()
    assert.same({ "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30" },
      times("30 * * * *", "2026-10-25T00:00", 3, amsterdam))
    assert.same({ "2026-03-29T00:30", "2026-03-29T01:30" },
      times("30 * * * *", "2026-03-29T00:00", 2, amsterdam))
  end)
end)

describe("a time zone's file", function()
  it("gives the offsets that the machine's own library gives", function()
    local names = {
      "Europe/Amsterdam", "America/New_York", "America/Santiago", "Australia/Lord_Howe",
      "Asia/Tokyo", "Asia/Kathmandu", "Africa/Casablanca", "America/St_Johns", "UTC",
      "Pacific/Chatham", "Europe/Dublin", "Asia/Gaza",
    }
    for _, name in ipairs(names) do
      local own = zone_of(name)
      local list = {}
      for month = 0, 12 * 30, 5 do list[#list + 1] = 1700000000 + month * 2629800 end
      local program = ("for w in ([[%s]]):gmatch '%%d+' do print(os.date('%%z', tonumber(w))) end")
        :format(table.concat(list, " "))
      local pipe = assert(io.popen(("TZ=%s lua5.4 -e \"%s\""):format(name, program)))
      for _, at in ipairs(list) do
        local sign, hours, minutes = pipe:read "l":match "^([+-])(%d%d)(%d%d)$"
        local offset = (tonumber(hours) * 60 + tonumber(minutes)) * (sign == "-" and -60 or 60)
        local seen, began, ends = own.at(at)
        assert.equal(offset, seen, ("%s at %d"):format(name, at))
        assert.is_true(began <= at and at < ends)
      end
      pipe:close()
    end
  end)

  it("is refused when it is none", function()
    assert.is_nil(zone.read "")
    assert.is_nil(zone.read "TZ")
  end)
end)
