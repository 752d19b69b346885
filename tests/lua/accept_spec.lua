-- A delete, while the deploy that it would cancel ends, or the name gets another owner.
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
    op.params.target = on.operation_id
    operations[op.id] = {
      id = op.id, kind = "delete", name = op.name, state = "deleting", params = op.params,
    }
    return true
  end
  support.start { modules = {
    ["lib.journal"] = journal,
    ["lib.operations.scheduler"] = { launch = function() end, cancel = function() end },
  } }
  return require "lib.operations.accept"
end

local function delete(accept, owner_id)
  return accept.delete { name = "anna", owner_id = owner_id or "me", data = "keep" }
end

describe("a delete", function()
  local accept
  before_each(function() accept = load_accept() end)
  after_each(support.stop)

  local function deploying(owner_id, state, ended_at)
    stacks[1] = {
      name = "anna", owner_id = owner_id or "me", state = "deploying", operation_id = "op1",
    }
    operations.op1 = {
      id = "op1", kind = "deploy", name = "anna", state = state or "running", ended_at = ended_at,
    }
  end

  -- Calls change() just before the operation is read the first time.
  local function meanwhile(change)
    local get = journal.operations.get
    function journal.operations.get(id)
      change()
      return get(id)
    end
  end

  it("of a workspace that is being made is a cancel", function()
    deploying()
    assert.equal("op1", delete(accept).id)
    assert.same({ "op1" }, cancelled)
  end)

  it("that came too late to be a cancel removes what was made", function()
    deploying("me", "ready", 1)
    meanwhile(function() stacks[1].state = "ready" end)
    local op = assert(delete(accept))
    assert.equal("delete", op.kind)
    assert.same({ data = "keep", target = "op1" }, op.params)
    assert.same({}, cancelled)
  end)

  it("of a deploy that has just failed, and left nothing, is the end of that deploy", function()
    deploying("me", "failed", 1)
    meanwhile(function() stacks[1] = nil end)
    assert.equal("op1", delete(accept).id)
  end)

  it("never touches the workspace of the next owner of the name", function()
    for _, state in ipairs { "deploying", "ready" } do
      deploying "other"
      stacks[1].state = state
      local op, _, code = delete(accept)
      assert.is_nil(op)
      assert.equal("stack_unknown", code)
    end
    assert.same({}, cancelled)
  end)
end)
