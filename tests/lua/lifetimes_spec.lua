local portal = require "support.portal"

local DAY = 86400

describe("lifetimes", function()
  local done, now
  -- The schedules of these lifetimes.
  local function entries(policy)
    portal.start { modules = {
      ["lib.base.site"] = { part = function(path)
        return path == "policy/limits" and { lifetimes = policy } or nil
      end },
    } }
    require("core.config").stack = { image = "x/stack:1", memory_bytes = 2 << 30 }
    return require("lib.site.lifetimes").entries()
  end

  -- What is done with workspaces, with the time set to day `day` after they were made.
  local function run(policy, day, more)
    done, now = {}, day * DAY
    local workspace = { name = "anna", state = "ready", template = "default", created_at = 0 }
    for key, value in pairs(more or {}) do workspace[key] = value end
    entries(policy)[1].run {
      now = function() return now end,
      workspaces = function() return { workspace } end,
      delete = function(name, _, options) done[#done + 1] = "delete " .. name .. options.data end,
      note = function(_, texts) done[#done + 1] = texts.en end,
    }
    return done[1]
  end

  it("are for good when nothing else is said", function()
    assert.same({}, entries(nil))
  end)

  it("end with a deletion that keeps the files, and a note before", function()
    local policy = { after = { all = "7 days" }, warn = "2 days" }
    assert.is_nil(run(policy, 4.9))
    local note = "This workspace will be deleted on 1970-01-08. Its files are kept."
    assert.equal(note, run(policy, 5.1))
    assert.is_nil(run(policy, 5.1, { note = { en = note } }))
    assert.equal("delete annakeep", run(policy, 7))
    assert.is_nil(run(policy, 7, { state = "stopping" }))
  end)

  it("may differ by template", function()
    assert.is_nil(run({ after = { all = "1 day", default = 30 * DAY } }, 2))
    assert.equal("delete annakeep", run({ after = { default = "1 day" } }, 2))
    assert.is_nil(run({ after = { default = "1 day" } }, 2, { template = "gone" }))
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
