-- Deleting, while the world goes on: the deploy that was to be cancelled has just ended; the name has just become somebody else's.
local support = require "support.engine"

local journal, stacks, operations, cancelled

local function load_accept()
  stacks, operations, cancelled = {}, {}, {}
  journal = { operations = {}, stacks = {} }
  function journal.stacks.get() return stacks[1] or false end
  function journal.operations.get(id) return operations[id] or false end
  function journal.operations.request_cancel(id)
    cancelled[#cancelled + 1] = id
    return true
  end
  function journal.operations.begin_on_stack(op, on)
    operations[op.id] = { id = op.id, kind = "delete", name = op.name, state = "deleting", params = op.params }
    op.params.target = on.operation_id
    return true
  end
  local modules = { ["lib.journal"] = journal, ["lib.operations.scheduler"] = { launch = function() end, cancel = function() end, leave = function() return true end } }
  for _, name in ipairs { "findings", "operate", "purge", "reconcile", "sweeper", "usage", "watcher", "workspace" } do modules["lib." .. name] = {} end
  support.start { modules = modules }
  return require "lib.operations.accept"
end

local function delete(accept, owner_id)
  return accept.delete { name = "anna", owner_id = owner_id or "me", data = "keep" }
end

describe("a delete", function()
  after_each(support.stop)

  it("of a stack that is being made is a cancel", function()
    local accept = load_accept()
    stacks[1] = { name = "anna", owner_id = "me", state = "deploying", operation_id = "op1" }
    operations.op1 = { id = "op1", kind = "deploy", name = "anna", state = "running" }
    assert.equal("op1", delete(accept).id)
    assert.same({ "op1" }, cancelled)
  end)

  it("that came too late to be a cancel takes away what was made", function()
    local accept = load_accept()
    stacks[1] = { name = "anna", owner_id = "me", state = "deploying", operation_id = "op1" }
    operations.op1 = { id = "op1", kind = "deploy", name = "anna", state = "ready", ended_at = 1 }
    local looked = journal.operations.get
    function journal.operations.get(id)
      stacks[1].state = "ready" -- it ended between the two looks
      return looked(id)
    end
    local op = assert(delete(accept))
    assert.equal("delete", op.kind)
    assert.same({ data = "keep", target = "op1" }, op.params)
    assert.same({}, cancelled)
  end)

  it("of a deploy that has just failed, and left nothing, is that deploy's end", function()
    local accept = load_accept()
    stacks[1] = { name = "anna", owner_id = "me", state = "deploying", operation_id = "op1" }
    operations.op1 = { id = "op1", kind = "deploy", name = "anna", state = "failed", ended_at = 1 }
    local looked = journal.operations.get
    function journal.operations.get(id)
      stacks[1] = nil
      return looked(id)
    end
    assert.equal("op1", delete(accept).id)
  end)

  it("never touches who has the name by now", function()
    local accept = load_accept()
    for _, state in ipairs { "deploying", "ready" } do
      stacks[1] = { name = "anna", owner_id = "other", state = state, operation_id = "op2" }
      operations.op2 = { id = "op2", kind = "deploy", name = "anna", state = "running" }
      local op, _, code = delete(accept)
      assert.is_nil(op)
      assert.equal("stack_unknown", code)
    end
    assert.same({}, cancelled)
  end)
end)
