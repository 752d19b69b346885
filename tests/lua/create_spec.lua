local support = require "support.engine"

describe("making something once", function()
  local create, ctx, written
  before_each(function()
    written = {}
    local function note(word) return function(_, kind) written[#written + 1] = word .. " " .. kind return true end end
    local journal = { resources = {
      intend = note "intended", confirm = note "created", note_unconfirmed = note "lost", settle = note "marked",
    } }
    support.start { modules = { ["lib.journal"] = journal } }
    create = require "lib.operations.create"
    local resources = {}
    ctx = { id = "op", wanted = true, pending = {}, step = { name = "project" }, ids = {} }
    function ctx:known(kind, key) return resources[kind .. key] end
    function ctx:know(row) resources[row.kind .. row.key] = row end
  end)
  after_each(support.stop)

  local function run(answers, found)
    local calls, looks = 0, 0
    local made, message, code = create.once(ctx, "project", "", function()
      calls = calls + 1
      written[#written + 1] = "sent"
      return table.unpack(answers[calls])
    end, function()
      looks = looks + 1
      if type(found) == "table" and found[looks] ~= nil then return found[looks] end
      return found
    end)
    return { made = made, message = message, code = code, calls = calls, looks = looks }
  end

  local unknown = { nil, "no answer", "dokploy_unreachable", { unknown = true } }
  local refused = { nil, "no", "dokploy_error", { unknown = false } }
  local good = { { id = "p1" } }

  it("is written down before it is sent, and after", function()
    local result = run({ good }, false)
    assert.equal("p1", result.made.id)
    assert.same({ "intended project", "sent", "created project" }, written)
    assert.equal(0, result.looks)
  end)

  it("is not sent again when it is known to exist", function()
    run({ good }, false)
    written = {}
    assert.equal("p1", run({}, false).made.id)
    assert.same({}, written)
  end)

  it("is looked for when no answer came, and adopted", function()
    local result = run({ unknown }, { { id = "p2" } })
    assert.equal("p2", result.made.id)
    assert.equal(1, result.calls)
    assert.same({ "intended project", "sent", "created project" }, written)
  end)

  it("is sent once more, and only once, when it is not there; that is remembered", function()
    local result = run({ unknown, good }, false)
    assert.equal("p1", result.made.id)
    assert.same({ "intended project", "sent", "lost project", "sent", "created project" }, written)
    ctx:know { kind = "project", key = "", state = "undone", data = {} }
    local second = run({ unknown, unknown, good }, false)
    assert.is_falsy(second.made)
    assert.equal(2, second.calls)
    assert.equal("dokploy_unreachable", second.code)
  end)

  it("is not looked for when it was refused", function()
    local result = run({ refused }, false)
    assert.is_nil(result.made)
    assert.equal("dokploy_error", result.code)
    assert.equal(0, result.looks)
    assert.same({ "intended project", "sent", "marked project" }, written)
    assert.equal("undone", ctx:known("project", "").state)
  end)

  it("stays in doubt when it was refused after a try without an answer", function()
    assert.is_falsy(run({ unknown, refused }, false).made)
    assert.equal("intended", ctx:known("project", "").state)
  end)

  it("is looked for first when a crash came between sending and writing down", function()
    ctx:know { kind = "project", key = "", state = "intended", data = {} }
    local result = run({}, { { id = "p3" } })
    assert.equal("p3", result.made.id)
    assert.equal(0, result.calls)
    ctx:know { kind = "project", key = "", state = "intended", data = {} }
    assert.equal(1, run({ good }, false).calls)
  end)

  it("is not sent any more when its step was ended while it waited", function()
    ctx.wanted = false
    local result = run({ good }, false)
    assert.equal("cancelled", result.code)
    assert.same({}, written)
  end)

  it("is not sent when it cannot be written down", function()
    local journal = require "lib.journal"
    local tries = 0
    journal.resources.intend = function()
      tries = tries + 1
      if tries == 3 then ctx.wanted = false end
      return nil, "disk full", "journal"
    end
    local result = run({ good }, false)
    assert.equal("journal", result.code)
    assert.equal(0, result.calls)
  end)
end)
