-- An action on a row of drift that is asked for again, while the operation of the first may end.
local support = require "support.engine"

local operations, row, holds, removed

local function load_actions()
  operations, removed, holds = {}, 0, true
  row = { id = 1, kind = "vanished", name = "anna", owner_id = "me", facts = {}, taken = 0 }
  local function copy()
    local seen = {}
    for key, value in pairs(row) do seen[key] = value end
    return seen
  end
  local function get(id) return operations[id] or false end
  local function delete()
    removed = removed + 1
    return { id = "new" }
  end
  support.start { modules = {
    ["lib.journal"] = { operations = { get = get } },
    ["lib.journal.drift"] = {
      get = copy, resolve = function() end, refresh = function() return true end,
      worked_on = function() return {} end,
    },
    ["lib.workspaces.reconcile"] = { holds = function() return holds end },
    ["lib.workspaces.adopt"] = {},
    ["lib.operations.accept"] = { delete = delete },
  } }
  return require "lib.operations.drift_actions"
end

describe("a removal that is asked for again", function()
  local actions
  before_each(function() actions = load_actions() end)
  after_each(support.stop)

  local function remove() return actions.begin("remove", 1, "keep") end

  -- The operation ends, and resolves the row, between the readings of the row and the operation.
  local function end_meanwhile(state)
    row.work_id = "before"
    operations = setmetatable({}, { __index = function(_, id)
      if state ~= "failed" then row.resolved_at = 5 end
      holds = false
      return { id = id, state = state, ended_at = 5 }
    end })
  end

  it("begins when none was begun", function()
    assert.equal("new", remove().id)
    assert.equal(1, removed)
  end)

  it("is the one that runs", function()
    row.work_id, operations.before = "before", { id = "before" }
    assert.equal("before", remove().id)
    assert.equal(0, removed)
  end)

  it("is the one that ended meanwhile", function()
    end_meanwhile "deleted"
    assert.equal("before", assert(remove()).id)
    assert.equal(0, removed)
  end)

  it("begins again when the one before failed", function()
    row.work_id = "before"
    operations.before = { id = "before", state = "failed", ended_at = 5 }
    assert.equal("new", remove().id)
  end)

  it("is refused when the one before failed and the thing is gone anyhow", function()
    end_meanwhile "failed"
    local op, _, code = remove()
    assert.same({ nil, "finding_gone" }, { op, code })
  end)
end)
