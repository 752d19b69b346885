local portal = require "support.portal"

local DAY = 86400

describe("lifetimes", function()
  local done, now, stack, found
  -- The schedules of these lifetimes.
  local function entries(policy)
    portal.start { modules = {
      ["lib.base.site"] = { part = function(path)
        return path == "policy/limits" and { lifetimes = policy } or nil
      end },
      ["lib.journal"] = { stacks = {
        list = function() return { stack } end, get = function() return found or stack end,
      } },
      ["lib.journal.change_events"] = { changed = function() end },
      ["lib.journal.lifetimes"] = {
        warn = function(row, at)
          row.ends_at, done[#done + 1] = at, "warn " .. at / DAY
          return true
        end,
        withdraw = function(name)
          stack.ends_at, done[#done + 1] = nil, "withdraw " .. tostring(name)
        end,
      },
    } }
    require("core.config").stack = { image = "x/stack:1", memory_bytes = 2 << 30 }
    require("core.server").now = function() return now end
    return require("lib.site.lifetimes").entries()
  end

  -- What is done with a workspace that was made on day 0, on each of these days.
  local function run(policy, days, more)
    done, now = {}, 0
    stack = { name = "anna", state = "ready", template = "default", created_at = 0, extended = 0 }
    for key, value in pairs(more or {}) do stack[key] = value end
    local run_once = entries(policy)[1].run
    for _, day in ipairs(days) do
      now = day * DAY
      run_once { delete = function(name, _, options)
        done[#done + 1] = "delete " .. name .. " " .. options.data
      end }
    end
    return done
  end

  local policy = { after = { all = "7 days" }, warn = "2 days" }

  it("are for good when nothing else is said", function()
    assert.same({}, entries(nil))
  end)

  it("end with a deletion that keeps the files, and one warning before", function()
    assert.same({}, run(policy, { 1, 4.9 }))
    assert.same({ "warn 7.5", "delete anna keep" }, run(policy, { 5.5, 6, 7.4, 7.5 }))
    assert.same({ "warn 7.0" }, run(policy, { 5, 6.9 }))
  end)

  it("end later when they have just been extended", function()
    found = { name = "anna" }
    assert.same({}, run(policy, { 7.5 }, { ends_at = 7 * DAY }))
    found = nil
  end)

  it("that are over already when they come into force end after a warning", function()
    assert.same({ "warn 102.0", "delete anna keep" }, run(policy, { 100, 101.9, 102 }))
  end)

  it("are not applied while something else is done with it", function()
    assert.same({}, run(policy, { 6, 8 }, { state = "deploying" }))
  end)

  it("that became longer withdraw the warning", function()
    assert.same({ "withdraw anna", "warn 14.0" },
      run({ after = { all = "14 days" }, warn = "2 days" }, { 8, 9, 12 }, { ends_at = 7 * DAY }))
    assert.same({ "withdraw anna" },
      run({ after = { all = "7 days" }, warn = "2 days" }, { 6.5 },
        { ends_at = 7 * DAY, extended = 7 * DAY }))
  end)

  it("may differ by template", function()
    assert.same({}, run({ after = { all = "3 days", default = 30 * DAY } }, { 2, 9 }))
    assert.same({ "withdraw anna" }, run({ after = { default = "1 day" } }, { 2 },
      { template = "gone", ends_at = DAY }))
  end)

  it("are refused when they name no template, or are no durations", function()
    local ok, message = pcall(entries, { after = { large = "1 day" } })
    assert.is_false(ok)
    assert.truthy(message:find("lifetimes.after.large: there is no template of that name", 1, true))
    ok, message = pcall(entries, { after = { all = "soon" } })
    assert.is_false(ok)
    assert.truthy(message:find('lifetimes.after.all: invalid value "soon" (write a', 1, true))
  end)
end)
