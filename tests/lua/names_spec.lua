local support = require "support.engine"
local names = require "lib.base.names"
local pattern = require "lib.policy.pattern"

local function always() return true end

describe("a name", function()
  it("is folded: upper case, digits, what is not seen, and nothing else", function()
    assert.equal("anna", names.fold("  Anna\t\n"))
    for _, typed in ipairs { "anna٣", "anna۳", "anna３", "\u{2068}an\u{ad}na3\u{2069}\u{a0}" } do
      assert.equal("anna3", names.fold(typed))
    end
    assert.equal("zoë", names.fold("Zoë"))
    assert.equal("an na", names.fold("An na"))
    assert.equal("anna.", names.fold("Anna."))
  end)

  it("can be repeated in an answer whatever bytes it held", function()
    assert.equal("a??b", names.fold("a\xff\xfeb"))
    assert.truthy(utf8.len(names.fold("\xd8\xb9na\xc3")))
    assert.equal("عين", names.fold("عين"))
  end)

  it("is well formed from 3 to 32 characters", function()
    local good = {
      "abc", "a-b", "a1b2", "abc-def-ghi", ("a"):rep(32), "xn-a", "a0-" .. ("9"):rep(29),
    }
    for _, name in ipairs(good) do assert.is_true(names.well_formed(name), name) end
  end)

  local bad = {
    [""] = "empty", a = "short", ab = "short", [("a"):rep(33)] = "long", ["1abc"] = "start",
    ["-abc"] = "start", ["abc-"] = "ending", ["ab--c"] = "hyphens", ["xn--abc"] = "punycode",
    ["a_bc"] = "characters", ["a bc"] = "characters", ["a.bc"] = "characters",
    ["añb"] = "characters", ["Abc"] = "characters", ["abc\0"] = "characters",
    ["../x"] = "characters", ["عين"] = "characters",
  }
  for name, reason in pairs(bad) do
    it(("%q is refused: %s"):format(name, reason), function()
      local is_good, why = names.well_formed(name)
      assert.is_false(is_good)
      assert.equal(reason, why)
    end)
  end

  it("is suggested near to what was typed", function()
    assert.equal("my-stack", names.nearest("My Stack!"))
    assert.equal("stack", names.nearest("--42-Stack--"))
    assert.equal(nil, names.nearest("عين"))
    assert.equal(nil, names.nearest("a"))
    assert.equal(("a"):rep(32), names.nearest(("a"):rep(40)))
    assert.equal("anna-example-com", names.nearest("anna.example.com"))
  end)
end)

-- Loads lib/policy/names.lua with these reserved names in config.lua, and this policy.
local function load_policy(reserved, policy)
  local modules = policy and { ["policy.names"] = policy } or nil
  support.start {
    config = {
      reserved_names = reserved, rehearsal = true,
      hosts = { ["deploy.example.com"] = true, ["my-portal.ai.example.com"] = true,
        ["a.shop.ai.example.com"] = true },
      dokploy = { url = "https://Panel.ai.example.com:8443/x" },
      stack = { suffix = "ai.example.com" },
    },
    modules = modules,
  }
  return require "lib.policy.names"
end

describe("the policy of names", function()
  local name_policy
  before_each(function() name_policy = load_policy { "test", "demo" } end)
  after_each(support.stop)

  it("accepts an ordinary name", function()
    for _, name in ipairs { "anna", "test-name", "smoke-test", "administer", "wwwanna", "nsa" } do
      assert.is_true((name_policy.check(name)), name)
    end
  end)

  it("refuses the labels of the portal's and Dokploy's hosts", function()
    for _, name in ipairs { "my-portal", "panel", "shop" } do
      assert.same({ false, "name_reserved" }, { name_policy.check(name) }, name)
    end
    assert.is_true((name_policy.check "deploy2"))
    assert.is_true((name_policy.check "example"))
  end)

  it("refuses what the configuration reserves, its own words and its patterns", function()
    local reserved = {
      "demo", "mail", "postmaster", "www", "www2", "ns1", "admin-tools", "dokploy-x",
    }
    for _, name in ipairs(reserved) do
      local is_allowed, code = name_policy.check(name)
      assert.is_false(is_allowed, name)
      assert.equal("name_reserved", code)
    end
  end)

  it("says why a name is malformed", function()
    local is_allowed, code, reason = name_policy.check "a"
    assert.is_false(is_allowed)
    assert.same({ "name_invalid", "short" }, { code, reason })
  end)

  it("has patterns that work and words that could be names", function()
    local policy = require "policy.names"
    for _, text in ipairs(policy.patterns) do
      assert.has_no.errors(function() return ("x"):find(text) end)
    end
    for _, word in ipairs(policy.words) do assert.equal(names.fold(word), word) end
  end)
end)

-- The same with the names.lua of a site.
local function load_site(policy)
  support.start {
    parts = { ["policy/names"] = policy },
    config = {
      reserved_names = { "test" }, rehearsal = true, hosts = {},
      dokploy = { url = "http://dokploy.test" }, stack = { suffix = "ai.example.com" },
    },
  }
  return require "lib.policy.names"
end

describe("a site's policy of names", function()
  after_each(support.stop)

  it("adds words, prefixes in plain text and patterns to the product's", function()
    local policy = load_site {
      words = { "Intranet" }, prefixes = { "project-" }, patterns = { "%-old$" },
    }
    for _, name in ipairs { "intranet", "project-x", "my-old", "postmaster", "test" } do
      assert.same({ false, "name_reserved" }, { policy.check(name) }, name)
    end
    for _, name in ipairs { "projects", "my-project-x" } do
      assert.is_true((policy.check(name)), name)
    end
  end)

  it("asks its check, who gets the person", function()
    local refusal = { code = "staff_only", status = 403, text = { en = "For staff." } }
    local policy = load_site { check = function(name, who)
      if name:find "^staff" and not who.groups.staff then return false, refusal end
      if name == "dull" then return false, "name_dull" end
    end }
    assert.same({ false, "staff_only", nil, { status = 403, texts = { en = "For staff." } } },
      { policy.check "staff-1" })
    assert.is_true((policy.check("staff-1", { kind = "user", groups = { "staff" } })))
    assert.same({ false, "name_dull", nil, { texts = {} } }, { policy.check "dull" })
    assert.is_true((policy.check "anna"))
  end)

  it("suggests nothing that its check refuses for that person", function()
    local policy = load_site {
      variations = { "%s-2", "team-%s" }, suggestions = 2,
      check = function(name, who)
        if name:find "^team" and who.kind == "visitor" then return false, "team_only" end
      end,
    }
    local function is_free(name) return name ~= "anna" end
    assert.same({ "anna-2" }, policy.suggest("anna", is_free))
    assert.same({ "anna-2", "team-anna" },
      policy.suggest("anna", is_free, { kind = "owner", id = "a" }))
  end)

  it("refuses safely when its check fails, and calls it once for all suggestions", function()
    local count = 0
    local policy = load_site { check = function(name)
      count = count + 1
      return #name
    end }
    assert.same("policy_failed", (select(2, policy.check "anna")))
    assert.same({}, policy.suggest("anna", always))
    assert.equal(2, count)
    local fault = require("lib.site.faults").list()[1]
    assert.same({ "site/policy/names.lua: check", 2 }, { fault.where, fault.count })
  end)

  it("has examples, which are tried with what both say", function()
    load_site {
      prefixes = { "project-" },
      check = function(name, who)
        if name == "melon" then return who.kind == "owner", "x" end
      end,
      examples = {
        { "yes", "anna" }, { "name_reserved", "project-x" }, { "name_reserved", "mail" },
        { "x", "melon" }, { "yes", "melon", { kind = "owner", id = "a" } }, { "yes", "project-y" },
      },
    }
    local problems = require("lib.base.check").check()
    assert.equal(1, #problems)
    assert.truthy(problems[1]:find("names.lua: example 6: (\"project-y\") gives", 1, true))
  end)

  it("has a check that is tried on the product's examples", function()
    load_site { check = function(name) return name:misspelt() end }
    local problems = require("lib.base.check").check()
    assert.equal(1, #problems)
    assert.truthy(problems[1]:find "names_spec.lua:%d+: attempt to call a nil value", problems[1])
  end)

  it("is refused at load time, with the file, the key and the cure", function()
    for message, policy in pairs {
      ['site/policy/names.lua: prefixes[1]: invalid value "^project%-" (write lower-case letters'] =
        { prefixes = { "^project%-" } },
      ['site/policy/names.lua: patterns[1]: "a[" is not a Lua pattern'] = { patterns = { "a[" } },
      ["site/policy/names.lua: word: unknown key (known here: check, examples"] = { word = {} },
      ["site/policy/names.lua: check: invalid value"] = { check = "no" },
      ["site/policy/names.lua: examples[1]: invalid value"] = { examples = { "anna" } },
      ["site/policy/names.lua: suggestions: invalid value"] = { suggestions = 100 },
    } do
      local is_loaded, problem = pcall(load_site, policy)
      assert.is_false(is_loaded, message)
      assert.truthy(problem:find(message, 1, true), problem)
    end
  end)
end)

describe("a Lua pattern", function()
  -- On these subjects Lua reaches the end of each of the patterns, so that it judges all of it.
  local function lua_accepts(text)
    for _, subject in ipairs { "", "a", "aa", "ab", "a]", "a)", "a(x)" } do
      if not pcall(string.find, subject, text) then return false end
    end
    return true
  end

  it("that is well formed is accepted", function()
    local good = {
      "^www%d*$", "a-", "[%w-]+", "[]]", "[^]]x", "[%]]", "%bxy", "%f[%w]a", "(a)%1", "()a",
      "((a)b)", "%%", "a.*", "$", "]", "",
    }
    for _, text in ipairs(good) do
      assert.is_true(pattern.check(text), text)
      assert.is_true(lua_accepts(text), text)
    end
  end)

  it("that is malformed is refused at load time, with the file and the pattern", function()
    local bad = {
      "a[", "a[]", "a[^]", "a[%", "a[%]", "a(", "a.)", "a(b", "a%", "a%b", "a%bx", "a%f",
      "a%fx", "a%1", "a(%1)", "a%0", "[a",
    }
    for _, text in ipairs(bad) do
      local is_good, why = pattern.check(text)
      assert.is_false(is_good, text)
      assert.truthy(why, text)
      assert.is_false(lua_accepts(text), text)
      local policy = { words = {}, patterns = { "^good$", text }, variations = {} }
      local message = select(2, pcall(load_policy, {}, policy))
      assert.truthy(message:find("scripts/policy/names.lua: patterns[2]", 1, true), message)
      assert.truthy(message:find(text, 1, true), message)
      support.stop()
    end
  end)

  it("that could match for seconds is refused", function()
    assert.is_true((pattern.check "^a.*b.*c.*d.*e.*f.*$"))
    assert.is_false((pattern.check ".-.-.-.-.-.-.-x"))
    assert.is_true((pattern.check "%-%-%-%-%-%-%-%-[*+-]"))
  end)

  it("is checked beyond what a name would reach", function()
    assert.is_true(pcall(string.find, "anna", "^zzz["))
    assert.is_false(pattern.check "^zzz[")
  end)
end)

describe("suggestions", function()
  local name_policy
  before_each(function() name_policy = load_policy { "admin", "my-admin" } end)
  after_each(support.stop)

  it("are free, allowed and three at most", function()
    local taken = { anna = true, ["anna-2"] = true }
    local found = name_policy.suggest("anna", function(name) return not taken[name] end)
    assert.equal(3, #found)
    for _, name in ipairs(found) do
      assert.is_nil(taken[name])
      assert.is_true((name_policy.check(name)))
    end
  end)

  it("start with the corrected name when that is free", function()
    assert.equal("my-stack", name_policy.suggest("My Stack!", always)[1])
  end)

  it("never include a reserved name", function()
    local found = name_policy.suggest("admin", always)
    assert.truthy(#found > 0)
    for _, name in ipairs(found) do assert.is_true((name_policy.check(name)), name) end
  end)

  it("fit even when the name has the greatest length", function()
    local longest = ("a"):rep(32)
    local found = name_policy.suggest(longest, function(name) return name ~= longest end)
    assert.equal(3, #found)
    for _, name in ipairs(found) do assert.is_true((names.well_formed(name)), name) end
  end)

  it("use what other scripts are written as in Latin letters", function()
    local written = {
      ["سارة"] = "sara", ["محمد"] = "mhmd", ["юлия"] = "yuliya", ["łukasz"] = "lukasz",
    }
    for name, latin in pairs(written) do
      assert.equal(latin, name_policy.suggest(name, always)[1])
    end
  end)

  it("are neutral names when no Latin letters can stand for it", function()
    local found = name_policy.suggest("李", function(name) return name ~= "studio" end)
    assert.same({ "workbench", "playground", "studio-2" }, found)
  end)

  it("are empty when nothing is left to build on", function()
    assert.same({}, name_policy.suggest("--", always))
    assert.same({}, name_policy.suggest("an", always)) -- not typed to its end yet
    assert.same({}, name_policy.suggest("anna", function() return false end))
  end)
end)
