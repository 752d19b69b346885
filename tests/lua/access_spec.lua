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

describe("a refusal's text", function()
  it("needs every language, where an example or a probe meets it", function()
    local text = { en = "Closed.", ar = "مغلق." }
    portal.start { parts = { ["policy/access"] = {
      rules = { { name = "closed", before = "mode", decide = function(_, action)
        if action == "deploy" then return false, { code = "closed_now", text = text } end
      end } },
      examples = { { "closed_now", { kind = "visitor" }, "deploy" } },
    } } }
    require "lib.policy.access"
    require "lib.pages.i18n"
    local faults = require("lib.base.check").check()
    assert.matches('site/policy/access.lua: rule "closed": text: has no text in the language nl '
      .. '(write nl = "...")', faults[1], 1, true)
    text.nl = "Dicht."
    assert.same({}, require("lib.base.check").check())
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

-- Loads the rules with those of a site.
local function with(rules, more)
  local policy = { rules = rules }
  for key, value in pairs(more or {}) do policy[key] = value end
  local fakes = portal.start { parts = { ["policy/access"] = policy } }
  return require "lib.policy.access", fakes
end

local function rule(place, decide)
  place.name, place.decide = place.name or "ours", decide or function() end
  return place
end

local visitor = { kind = "visitor" }

describe("a site's rules", function()
  it("come where they say, in the order of the file", function()
    local order = {}
    local function noted(name, place)
      place.name = name
      return rule(place, function() order[#order + 1] = name end)
    end
    local access = with {
      noted("first", { before = "mode" }), noted("second", { before = "mode" }),
      noted("last", { after = "quota" }), noted("inner", { before = "second" }),
    }
    assert.is_true((access.decide(visitor, "deploy", { mode = "open" })))
    assert.same({ "last", "first", "inner", "second" }, order)
  end)

  it("are refused at load time, with the file, the key and the cure", function()
    local function none() end
    for message, rules in pairs {
      ['site/policy/access.lua: rules[1].before: there is no rule "modes" (known: pass'] =
        { rule { before = "modes" } },
      ['site/policy/access.lua: rules[2].name: there is a rule "ours" already'] =
        { rule { before = "mode" }, rule { before = "mode" } },
      ['rules[1].name: there is a rule "mode" already'] =
        { rule { name = "mode", after = "quota" } },
      ['site/policy/access.lua: rules[1].decide: invalid value "yes" (write a function)'] =
        { { name = "ours", before = "mode", decide = "yes" } },
      ['site/policy/access.lua: rules[1].decide: is missing'] =
        { { name = "ours", before = "mode" } },
      ['site/policy/access.lua: rules[1]: rule "ours" needs its place (write before or after'] =
        { rule {} },
      ['rules[1]: rule "a" and its neighbour name each other'] =
        { rule { name = "a", after = "b" }, rule { name = "b", before = "a" } },
      ['site/policy/access.lua: rules[1].decides: unknown key'] =
        { { name = "ours", before = "mode", decides = none } },
    } do
      local is_loaded, problem = pcall(with, rules)
      assert.is_false(is_loaded, message)
      assert.truthy(problem:find(message, 1, true), problem)
    end
  end)

  it("are refused with a scope that no token has, or a faulty example", function()
    for message, more in pairs {
      ['site/policy/access.lua: scopes.deploy: invalid value "creat"'] =
        { scopes = { deploy = "creat" } },
      ["site/policy/access.lua: examples[1]: invalid value"] = { examples = { { "yes" } } },
      ["site/policy/access.lua: rule: unknown key"] = { rule = {} },
    } do
      local is_loaded, problem = pcall(with, {}, more)
      assert.is_false(is_loaded, message)
      assert.truthy(problem:find(message, 1, true), problem)
    end
  end)

  it("have examples that hold for all rules together", function()
    local function closed_at_night(_, action, what)
      if action == "deploy" and what.now.hour >= 18 then return false, "too_late" end
    end
    local examples = {
      { "yes", visitor, "deploy" },
      { "too_late", visitor, "deploy", { now = { hour = 18 } } },
      { "yes", { kind = "visitor" }, "deploy", { now = { hour = 19 } } },
    }
    with({ rule({ before = "mode" }, closed_at_night) }, { examples = examples })
    local problems = require("lib.base.check").check()
    assert.equal(1, #problems)
    local start = "site/policy/access.lua: example 3: ({ kind = \"visitor\" }, \"deploy\", "
      .. "{ now = { hour = 19 } }) gives \"too_late\"; the example says \"yes\""
    assert.equal(start, problems[1]:sub(1, #start))
  end)

  it("without examples are tried on the product's, and each mistake is one problem", function()
    with {
      rule({ before = "mode" }, function(who) return who.nothing.at_all end),
      rule({ name = "other", before = "mode" }, function() return 5 end),
    }
    local problems = require("lib.base.check").check()
    assert.equal(2, #problems)
    assert.truthy(problems[1]:find "access_spec.lua:%d+: attempt to index a nil", problems[1])
    assert.truthy(problems[2]:find('rule "other": it returned 5', 1, true), problems[2])
  end)

  it("change scopes and the audit", function()
    local access = with({}, { scopes = { stop = "delete" }, unaudited = { stop = true } })
    local token = { kind = "token", id = "t", scopes = { create = true } }
    local _, _, code = access.decide(token, "stop", { owner_id = "t" })
    assert.equal("scope_missing", code)
    assert.same({ false, true }, { access.is_audited "stop", access.is_audited "start" })
  end)

  it("may refuse with a code, a status, texts and a time of their own", function()
    local own = { code = "too_late", status = 423, text = { en = "Closed." }, retry_after = 60 }
    local access = with { rule({ before = "mode" }, function() return false, own end) }
    local is_allowed, name, code, more = access.decide(visitor, "deploy", {})
    assert.same({ false, "ours", "too_late" }, { is_allowed, name, code })
    assert.same({ status = 423, texts = { en = "Closed." }, retry_after = 60 }, more)
  end)
end)

describe("a rule that answers wrongly", function()
  local function answers(...)
    local results = table.pack(...)
    return rule({ before = "passwords_are_their_owners" }, function()
      return table.unpack(results, 1, results.n)
    end)
  end

  local wrong = {
    ["it returned 5 (return nothing where it does not apply"] = { 5 },
    ['it returned "yes"'] = { "yes" },
    ["it returned false and nil"] = { false },
    ['it returned false and "Too late!"'] = { false, "Too late!" },
    ["it returned a table"] = { {} },
    ["status: invalid value"] = { false, { code = "x", status = 200 } },
    ["code: is missing"] = { false, { status = 403 } },
    ["txt: unknown key"] = { false, { code = "x", txt = {} } },
  }
  for message, results in pairs(wrong) do
    it("refuses, and is noted: " .. message, function()
      local access = with { answers(table.unpack(results)) }
      local is_allowed, name, code = access.decide({ kind = "admin" }, "deploy", {})
      assert.same({ false, "ours", "policy_failed" }, { is_allowed, name, code })
      local fault = require("lib.site.faults").list()[1]
      assert.equal('site/policy/access.lua: rule "ours"', fault.where)
      assert.truthy(fault.message:find(message, 1, true), fault.message)
    end)
  end

  it("refuses when it raises, and is noted by its line", function()
    local access = with { rule({ before = "mode" }, function(who) return who.nothing.at_all end) }
    local is_allowed, _, code = access.decide(visitor, "deploy", {})
    assert.same({ false, "policy_failed" }, { is_allowed, code })
    local fault = require("lib.site.faults").list()[1]
    assert.truthy(fault.where:find "access_spec.lua:%d+$", fault.where)
    assert.truthy(fault.traceback:find "stack traceback")
  end)

  it("is reported at the third failure in a row, and so is one that was stopped", function()
    local mood
    local access = with { rule({ before = "mode" }, function()
      if mood == "stop" then coroutine.yield() end
      if mood == "raise" then error "no" end
    end) }
    local reasons = {}
    require("lib.site.faults").on_persistent(function(reason) reasons[#reasons + 1] = reason end)
    local function deploy(how)
      mood = how
      coroutine.wrap(access.decide)(visitor, "deploy", {})
    end
    for _, how in ipairs { "raise", "raise", "fine", "raise", "stop", "raise" } do deploy(how) end
    assert.equal(1, #reasons)
    assert.truthy(reasons[1]:find('rule "ours" failed several times in a row', 1, true))
  end)
end)

describe("explain", function()
  it("shows what each rule answers, up to the one that decides", function()
    local access = with { rule({ name = "broken", after = "mode" }, function() error "no" end) }
    local function answers(...)
      local list = {}
      for i, each in ipairs(access.explain(...)) do list[i] = each.rule .. " " .. each.answer end
      return table.concat(list, ", ")
    end
    assert.equal("passwords_are_their_owners -, keys_are_their_owners -, admin_may_all -, "
      .. "metrics_from_nearby -, token_scope -, quota -, mode yes", answers(visitor, "deploy"))
    assert.truthy(answers(visitor, "list"):find "mode %-, broken error: .*access_spec.lua:%d+: no$")
    assert.truthy(answers({ kind = "admin" }, "stop"):find "admin_may_all yes$")
  end)
end)

describe("who and what", function()
  it("have every field that rules read", function()
    local seen = {}
    local access, fakes = with { rule({ before = "mode" }, function(who, _, what)
      seen.who, seen.what = who, what
    end) }
    fakes.server.now = function() return 1767614460.5 end
    access.decide({ kind = "visitor" }, "deploy", { mode = "open" })
    assert.same({ {}, {} }, { seen.who.groups, seen.who.scopes })
    assert.same({ owner = 0, network = 0, site = 0, total = 0 }, seen.what.stacks)
    assert.same({ {}, {} }, { seen.what.quotas, seen.what.parameters })
    assert.same({
      unix = 1767614460, zone = "UTC", date = "2026-01-05", hour = 12, minute = 1, weekday = 1,
    }, seen.what.now)
  end)

  it("in examples have ids as the portal makes them", function()
    portal.start()
    local crypto_id = "user.3c186e1e5d66280e63c7ad46" -- sha256 of "forward-auth\neve"
    local kinds = {}
    for _, example in ipairs(require("policy.access").examples) do
      local who = example[2]
      kinds[who.kind] = true
      if who.kind == "owner" then assert.truthy(who.id:find "^%x+$" and #who.id == 26, who.id) end
      if who.kind == "user" then assert.equal(crypto_id, who.id) end
      if who.kind == "token" then assert.truthy(who.id:find "^token%.%x+$" and #who.id == 18) end
    end
    assert.same({ admin = true, owner = true, token = true, user = true, visitor = true }, kinds)
  end)
end)
