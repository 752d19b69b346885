-- What GET /health reports as degraded.
local portal = require "support.portal"

describe("health", function()
  local fakes, state, health
  before_each(function()
    state = {
      dokploy = { reachable = true, version = "0.30.2", at = 1 },
      breaker = { state = "closed", failures = 0 },
      left = 0,
      drift = { all = 0, vanished = 0, unknown = 0, in_error = 0 },
    }
    fakes = portal.start { modules = {
      ["lib.dokploy"] = { last = function() return state.dokploy end },
      ["lib.dokploy.breaker"] = { state = function() return state.breaker end },
      ["lib.journal.drift"] = { counts = function() return state.drift end },
      ["lib.operations.orphans"] = { count = function() return state.left end },
      ["lib.site.versions"] = {
        number = function() return 0 end, problems = function() return state.problems end,
      },
    } }
    health = require "lib.admin.health"
  end)

  local function codes()
    local list = {}
    for i, item in ipairs(health.degraded "en") do list[i] = item.code end
    return table.concat(list, " ")
  end

  it("is healthy when nothing is wrong", function()
    local doc = health.document "en"
    assert.same({ "healthy", "0.0.0", 0 }, { doc.status, doc.version, #doc.degraded })
  end)

  it("names each thing that is wrong", function()
    state.dokploy = { reachable = false }
    state.breaker = { state = "open", since = 1, retry_at = 31 }
    state.left = 2
    state.drift = { all = 3, vanished = 1, unknown = 2, in_error = 0 }
    local edit = { file = "policy/names.lua", line = 7, message = "'=' expected", at = 1 }
    fakes.server.infos.rejected, fakes.server.infos.store.trouble = edit, "full"
    assert.equal("journal edit_rejected dokploy_unreachable breaker_open leftovers findings",
      codes())
    local doc = health.document "en"
    assert.equal("degraded", doc.status)
    for _, item in ipairs(doc.degraded) do
      assert.is_nil(item.detail:find("^health%."), item.detail)
      assert.is_nil(item.detail:find("[{}]"), item.detail)
    end
    assert.same({ "policy/names.lua", 7 }, { doc.degraded[2].file, doc.degraded[2].line })
    assert.equal("1970-01-01T00:00:31.000Z", doc.degraded[4].retryAt)
  end)

  it("distinguishes a refused token from an unreachable server", function()
    state.dokploy = { reachable = true, message = "dokploy_refused" }
    assert.equal("dokploy_refused", codes())
    state.dokploy = { reachable = true, message = "not_found" }
    assert.equal("", codes())
    state.dokploy = {}
    assert.equal("", codes())
  end)

  it("says how to open a closed portal", function()
    fakes.config.access = "closed"
    assert.truthy(health.document("en").access.detail:find("ACCESS=open", 1, true))
  end)
end)
