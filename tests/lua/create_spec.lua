local support = require "support.engine"

describe("making something once", function()
  local create, ctx, written, resources
  before_each(function()
    written = {}
    local function note(word)
      return function(_, kind)
        written[#written + 1] = word .. " " .. kind
        return true
      end
    end
    resources = {
      intend = note "intended", confirm = note "created", note_unconfirmed = note "unconfirmed",
      settle = note "settled",
    }
    support.start { modules = { ["lib.journal"] = { resources = resources } } }
    create = require "lib.operations.create"
    local known = {}
    ctx = { id = "op", wanted = true, pending = {}, step = { name = "project" }, ids = {},
      dokploy = {} }
    function ctx:known(kind, key) return known[kind .. key] end
    function ctx:know(row) known[row.kind .. row.key] = row end
  end)
  after_each(support.stop)

  local function know(state) ctx:know { kind = "project", key = "", state = state, data = {} } end

  -- Makes it with these answers of the call; `found`: what each look-up finds, or all of them.
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

  it("writes it down before it is sent, and after", function()
    local result = run({ good }, false)
    assert.equal("p1", result.made.id)
    assert.same({ "intended project", "sent", "created project" }, written)
    assert.equal(0, result.looks)
  end)

  it("does not send it again when it is known to exist", function()
    run({ good }, false)
    written = {}
    assert.equal("p1", run({}, false).made.id)
    assert.same({}, written)
  end)

  it("looks it up when no answer came, and adopts it", function()
    local result = run({ unknown }, { { id = "p2" } })
    assert.equal("p2", result.made.id)
    assert.equal(1, result.calls)
    assert.same({ "intended project", "sent", "created project" }, written)
  end)

  it("sends it once more, and only once, when it is not there; that is remembered", function()
    local result = run({ unknown, good }, false)
    assert.equal("p1", result.made.id)
    assert.same({
      "intended project", "sent", "unconfirmed project", "sent", "created project",
    }, written)
    know "undone"
    local second = run({ unknown, unknown, good }, false)
    assert.is_falsy(second.made)
    assert.equal(2, second.calls)
    assert.equal("dokploy_unreachable", second.code)
  end)

  it("does not look it up when it was refused", function()
    local result = run({ refused }, false)
    assert.is_nil(result.made)
    assert.equal("dokploy_error", result.code)
    assert.equal(0, result.looks)
    assert.same({ "intended project", "sent", "settled project" }, written)
    assert.equal("undone", ctx:known("project", "").state)
  end)

  it("keeps it as intended when it was refused after a try without an answer", function()
    assert.is_falsy(run({ unknown, refused }, false).made)
    assert.equal("intended", ctx:known("project", "").state)
  end)

  it("looks it up first when a crash came between sending and writing it down", function()
    know "intended"
    local result = run({}, { { id = "p3" } })
    assert.equal("p3", result.made.id)
    assert.equal(0, result.calls)
    know "intended"
    assert.equal(1, run({ good }, false).calls)
  end)

  it("does not send it when its step ended while it waited", function()
    ctx.wanted = false
    local result = run({ good }, false)
    assert.equal("cancelled", result.code)
    assert.same({}, written)
  end)

  it("does not send it when it cannot be written down", function()
    local tries = 0
    function resources.intend()
      tries = tries + 1
      if tries == 3 then ctx.wanted = false end
      return nil, "disk full", "journal"
    end
    local result = run({ good }, false)
    assert.equal("journal", result.code)
    assert.equal(0, result.calls)
  end)
end)
