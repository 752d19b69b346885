-- What is done about a finding, while the work on it goes on: what was begun before is found, whenever it ends.
local support = require "support.engine"

local operations, row, holds, removed

local function load_remedy()
  operations, removed, holds = {}, 0, true
  row = { id = 1, kind = "vanished", name = "anna", owner_id = "me", facts = {}, taken = 0 }
  local function copy()
    local seen = {}
    for key, value in pairs(row) do seen[key] = value end
    return seen
  end
  local modules = {
    ["lib.journal"] = { operations = { get = function(id) return operations[id] or false end } },
    ["lib.journal.drift"] = { get = copy, resolve = function() end, refresh = function() return true end, worked_on = function() return {} end },
    ["lib.workspaces.reconcile"] = { holds = function() return holds end },
    ["lib.workspaces.adopt"] = {},
    ["lib.operations.accept"] = { delete = function()
      removed = removed + 1
      return { id = "new" }
    end },
  }
  support.start { modules = modules }
  return require "lib.operations.drift_actions"
end

-- The work ends, and with it the finding, just before the operation is read: the row was read before.
local function end_at_the_second_look(state)
  operations = setmetatable({}, { __index = function(_, id)
    if state ~= "delete_failed" then row.resolved_at = 5 end
    holds = false
    return { id = id, state = state, ended_at = 5 }
  end })
end

describe("a removal that is asked for again", function()
  after_each(support.stop)

  it("begins when none was begun", function()
    local remedy = load_remedy()
    assert.equal("new", remedy.begin("remove", 1, "keep").id)
    assert.equal(1, removed)
  end)

  it("is the one that runs", function()
    local remedy = load_remedy()
    row.work_id, operations.before = "before", { id = "before" }
    assert.equal("before", remedy.begin("remove", 1, "keep").id)
    assert.equal(0, removed)
  end)

  it("is the one that ended while it was looked at", function()
    local remedy = load_remedy()
    row.work_id = "before"
    end_at_the_second_look "deleted"
    assert.equal("before", assert(remedy.begin("remove", 1, "keep")).id)
    assert.equal(0, removed)
  end)

  it("begins anew when the one before came to nothing", function()
    local remedy = load_remedy()
    row.work_id, operations.before = "before", { id = "before", state = "delete_failed", ended_at = 5 }
    assert.equal("new", remedy.begin("remove", 1, "keep").id)
  end)

  it("is refused when the one before came to nothing and the thing went anyhow", function()
    local remedy = load_remedy()
    row.work_id = "before"
    end_at_the_second_look "delete_failed"
    local op, _, code = remedy.begin("remove", 1, "keep")
    assert.same({ nil, "finding_gone" }, { op, code })
  end)
end)
