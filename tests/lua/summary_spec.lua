-- An operation's state as one document.
local portal = require "support.portal"

describe("an operation's document", function()
  local summary, operation
  before_each(function()
    portal.start { modules = {
      ["lib.operations.events"] = {
        is_last = function(event) return event == "ready" or event == "failed" end,
      },
    } }
    summary = require "lib.operations.summary"
    operation = { id = "op1", kind = "deploy", name = "anna", state = "running", created_at = 1 }
  end)

  local function of(rows) return summary.of(operation, rows, "en", { "project", "health" }) end

  local function progress(seq, state, percent)
    local data = { step = "project", state = state, percent = percent }
    return { seq = seq, event = "progress", at = seq, data = data }
  end

  it("shows what its events say", function()
    local doc = of {
      { seq = 1, event = "queued", at = 1, data = { position = 1, etaSeconds = 9 } },
      progress(2, "running", 3), progress(3, "done", 10),
      { seq = 4, event = "log", at = 5, data = { line = "x" } },
    }
    assert.same({ "op1", "deploy", "anna", "running", 10, 4 },
      { doc.deploymentId, doc.kind, doc.name, doc.state, doc.percent, doc.lastEventId })
    local first, second = doc.steps[1], doc.steps[2]
    assert.same({ "project", "done", "1970-01-01T00:00:02.000Z", "1970-01-01T00:00:03.000Z" },
      { first.step, first.state, first.startedAt, first.endedAt })
    assert.same({ "health", "pending" }, { second.step, second.state })
    assert.is_nil(doc.position)
    assert.equal(portal.fakes.json.null, doc.result)
  end)

  it("has the last event as its result", function()
    operation.state, operation.ended_at = "ready", 9
    local data = { name = "anna", url = "u", openUrl = "o" }
    local doc = of { { seq = 1, event = "ready", at = 9, data = data } }
    assert.same({ 100, "ready", "u" }, { doc.percent, doc.state, doc.result.url })
  end)
end)
