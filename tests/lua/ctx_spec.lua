local support = require "support.engine"

describe("what a step made by other means", function()
  local context, confirmed, answers
  before_each(function()
    confirmed, answers = {}, {}
    local function confirm(...)
      confirmed[#confirmed + 1] = { ... }
      if answers[#confirmed] == false then return nil, "disk full", "journal" end
      return true
    end
    support.start { modules = { ["lib.journal"] = { resources = { confirm = confirm } } } }
    context = require "lib.operations.ctx"
  end)
  after_each(support.stop)

  local function new(resources)
    local op = {
      id = "op1", name = "anna", owner_id = "me", url = "http://anna.localhost", params = {},
    }
    local step = { name = "licence", undo = function() return true end }
    local ctx = context.new(op, resources or {}, { step })
    ctx:enter(1)
    return ctx
  end

  it("is remembered: on disk, and for the steps after it", function()
    local ctx = new()
    assert.is_true(ctx:record("licence", "L-1"))
    assert.same({ "op1", "licence", "L-1", "L-1", { step = "licence" } }, confirmed[1])
    assert.equal("L-1", ctx.ids.licence)
    assert.is_true(ctx:record("seat", 7, { floor = 2 }))
    assert.same({ "op1", "seat", "7", "7", { step = "licence", data = { floor = 2 } } },
      confirmed[2])
  end)

  it("is refused under a kind that the engine removes itself", function()
    assert.error_matches(function() new():record("mount", "m1") end, "kind of the portal's own")
  end)

  it("is known again after a restart, from the record alone", function()
    local data = { step = "licence" }
    local ctx = new {
      { kind = "licence", key = "L-1", id = "L-1", state = "created", data = data },
    }
    assert.equal("L-1", ctx.ids.licence)
    assert.equal("L-1", ctx:known("licence", "L-1").id)
  end)

  it("is written again until the disk takes it", function()
    answers[1] = false
    assert.is_true(new():record("licence", "L-1"))
    assert.equal(2, #confirmed)
  end)
end)

describe("the name of a volume", function()
  after_each(support.stop)

  it("differs for deployments of one name that begin in the same moment", function()
    support.start { modules = { ["lib.journal"] = {} } }
    local volume = require("lib.operations.ctx").volume
    local start = "29d067d3cc" .. ("0123456789"):rep(2)
    local first = volume { name = "anna", id = start .. "ab" }
    assert.equal("portal-ai-workspace-anna-0123456789ab", first)
    assert.not_equal(first, volume { name = "anna", id = start .. "cd" })
  end)
end)
