-- A workspace as its owner sees it.
local portal = require "support.portal"

describe("a workspace", function()
  local view, journal, address, row
  before_each(function()
    row = {
      name = "anna", owner_id = "me", state = "ready", operation_id = "op1", image = "i",
      url = "http://anna.localhost:3100", template = "default", created_at = 1, volume = "v1",
    }
    journal = { operations = { get = function() return false end } }
    address = {}
    local fakes = portal.start { modules = {
      ["lib.journal"] = journal, ["lib.workspaces.address"] = address,
      ["lib.auth"] = { decide = function() return { allowed = false } end },
    } }
    fakes.task.run = function(_, fn, ...) return fn(...) end
    view = require "lib.http.workspace_view"
  end)

  it("is a document", function()
    assert.same({
      name = "anna", state = "ready", image = "i", template = "default", volume = "v1",
      url = "http://anna.localhost:3100", createdAt = "1970-01-01T00:00:01.000Z",
      openUrl = "http://anna.localhost:3100/L3dvcmtzcGFjZQ/session",
      deploymentId = "op1", statusUrl = "/api/status/op1",
    }, view.document(row))
  end)

  it("has its deployment's state while it is made, and is failed when something is left", function()
    row.state = "deploying"
    journal.operations.get = function() return { state = "rolling_back" } end
    assert.equal("rolling_back", view.document(row).state)
    row.state = "leftover"
    assert.equal("failed", view.document(row).state)
  end)

  it("says why there is no password", function()
    local shown = {
      dokploy_unreachable = "dokploy_unreachable", dokploy_refused = "dokploy_refused",
      timeout = "dokploy_unreachable",
    }
    for code, expected in pairs(shown) do
      address.password = function() return nil, "x", code end
      local doc = { name = "anna" }
      view.add_password(doc, "en")
      assert.is_nil(doc.password)
      assert.equal(expected, doc.passwordProblem.code)
      assert.is_nil(doc.passwordProblem.detail:find("^password%."))
    end
    address.password = function() return "secret" end
    local doc = { name = "anna" }
    view.add_password(doc, "en")
    assert.same({ "secret", "opencode" }, { doc.password, doc.username })
  end)

  it("has a password to show only while it is deployed", function()
    local shown = {}
    for _, state in ipairs {
      "ready", "stopped", "unhealthy", "deploying", "deleting", "leftover",
    } do
      if view.has_password { state = state } then shown[#shown + 1] = state end
    end
    assert.same({ "ready", "stopped", "unhealthy" }, shown)
  end)
end)
