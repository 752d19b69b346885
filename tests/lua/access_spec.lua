-- The rules of policy/access.lua beyond the examples that they contain.
local portal = require "support.portal"

describe("the examples beside the rules", function()
  before_each(function() portal.start() end)

  local function faults_found()
    require "lib.policy.access"
    require "lib.policy.limits"
    return require("lib.base.check").check()
  end

  it("hold", function() assert.same({}, faults_found()) end)

  it("report a rule that was changed by mistake", function()
    table.remove(require("policy.access").rules, 2) -- admin_may_all
    local faults = faults_found()
    assert.truthy(#faults > 0)
    assert.truthy(faults[1]:find("scripts/policy/access.lua: example", 1, true))
  end)
end)

describe("access", function()
  local access
  before_each(function()
    portal.start()
    access = require "lib.policy.access"
  end)

  it("is only the admin's for an action that no rule knows", function()
    local scopes = { create = true, read = true }
    for _, who in ipairs {
      { kind = "owner", id = "a" }, { kind = "user", id = "a" },
      { kind = "token", id = "a", scopes = scopes },
    } do
      assert.is_false((access.decide(who, "burn_it_down", { mode = "open", owner_id = "a" })))
    end
    assert.is_true((access.decide({ kind = "admin" }, "burn_it_down", { mode = "open" })))
  end)

  it("never treats a workspace without an owner as a stranger's", function()
    for _, action in ipairs { "look", "delete", "stop", "reveal", "rotate", "cancel" } do
      for _, who in ipairs { { kind = "visitor" }, { kind = "owner", id = "a" } } do
        assert.is_false((access.decide(who, action, { mode = "open" })), action)
      end
    end
  end)

  it("names the rule that decided", function()
    local owner = { kind = "owner", id = "a" }
    local _, rule = access.decide(owner, "delete", { mode = "open", owner_id = "a" })
    assert.equal("owner", rule)
    _, rule = access.decide({ kind = "visitor" }, "deploy", { mode = "open" })
    assert.equal("mode", rule)
  end)
end)
