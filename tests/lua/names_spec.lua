local names = require "lib.base.names"
local policy = require "policy.names"
local lua_pattern = require "lib.base.pattern"

local function anyone() return true end

describe("a name", function()
  it("is folded: upper case and surrounding blanks, and nothing else", function()
    assert.equal("anna", names.fold("  Anna\t\n"))
    assert.equal("an na", names.fold("An na"))
    assert.equal("anna.", names.fold("Anna."))
  end)

  it("can be said again whatever bytes it held", function()
    local folded = names.fold("a\xff\xfeb")
    assert.equal("a??b", folded)
    assert.truthy(utf8.len(names.fold("\xd8\xb9na\xc3")))
    assert.equal("عين", names.fold("عين"))
  end)

  it("is well formed from 3 to 32 characters", function()
    for _, good in ipairs { "abc", "a-b", "a1b2", "abc-def-ghi", ("a"):rep(32), "xn-a", "a0-" .. ("9"):rep(29) } do
      assert.is_true(names.well_formed(good), good)
    end
  end)

  local bad = {
    [""] = "empty", a = "short", ab = "short", [("a"):rep(33)] = "long", ["1abc"] = "start", ["-abc"] = "start", ["abc-"] = "ending",
    ["ab--c"] = "hyphens", ["xn--abc"] = "punycode", ["a_bc"] = "characters", ["a bc"] = "characters", ["a.bc"] = "characters",
    ["añb"] = "characters", ["Abc"] = "characters", ["abc\0"] = "characters", ["../x"] = "characters", ["عين"] = "characters",
  }
  for name, reason in pairs(bad) do
    it(("%q is refused: %s"):format(name, reason), function()
      local good, why = names.well_formed(name)
      assert.is_false(good)
      assert.equal(reason, why)
    end)
  end

  it("is found near to what was typed", function()
    assert.equal("my-stack", names.nearest("My Stack!"))
    assert.equal("stack", names.nearest("--42-Stack--"))
    assert.equal(nil, names.nearest("عين"))
    assert.equal(nil, names.nearest("a"))
    assert.equal(("a"):rep(32), names.nearest(("a"):rep(40)))
    assert.equal("anna-example-com", names.nearest("anna.example.com"))
  end)
end)

describe("the policy of names", function()
  it("lets an ordinary name pass", function()
    for _, name in ipairs { "anna", "test-name", "smoke-test", "administer", "wwwanna", "nsa" } do
      assert.is_true((policy.check(name, policy.set { "test", "demo" })), name)
    end
  end)

  it("refuses what the configuration reserves, its own words and its patterns", function()
    for _, name in ipairs { "demo", "mail", "postmaster", "www", "www2", "ns1", "admin-tools", "dokploy-x" } do
      local ok, code = policy.check(name, policy.set { "demo" })
      assert.is_false(ok, name)
      assert.equal("name_reserved", code)
    end
  end)

  it("says why a name is malformed", function()
    local ok, code, reason = policy.check("a", {})
    assert.is_false(ok)
    assert.same({ "name_invalid", "short" }, { code, reason })
  end)

  it("has patterns that work and words that could be names", function()
    for _, pattern in ipairs(policy.patterns) do assert.has_no.errors(function() return ("x"):find(pattern) end) end
    for _, word in ipairs(policy.words) do assert.equal(names.fold(word), word) end
  end)
end)

describe("a pattern", function()
  -- Subjects on which Lua comes to the end of each of the patterns, so that it says itself what it thinks of them.
  local function lua_takes(pattern)
    for _, subject in ipairs { "", "a", "aa", "ab", "a]", "a)", "a(x)" } do
      if not pcall(string.find, subject, pattern) then return false end
    end
    return true
  end

  it("that is one passes", function()
    for _, pattern in ipairs { "^www%d*$", "a-", "[%w-]+", "[]]", "[^]]x", "[%]]", "%bxy", "%f[%w]a", "(a)%1", "()a", "((a)b)", "%%", "a.*", "$", "]", "" } do
      assert.is_true(lua_pattern.check(pattern), pattern)
      assert.is_true(lua_takes(pattern), pattern)
    end
  end)

  it("that is none is refused wherever it breaks, and the file and the pattern are named", function()
    for _, pattern in ipairs { "a[", "a[]", "a[^]", "a[%", "a[%]", "a(", "a.)", "a(b", "a%", "a%b", "a%bx", "a%f", "a%fx", "a%1", "a(%1)", "a%0", "[a" } do
      local good, why = lua_pattern.check(pattern)
      assert.is_false(good, pattern)
      assert.truthy(why, pattern)
      assert.is_false(lua_takes(pattern), pattern)
      local said = select(2, pcall(policy.check_patterns, { "^good$", pattern }))
      assert.truthy(said:find("scripts/policy/names.lua", 1, true) and said:find(pattern, 1, true), said)
    end
  end)

  it("is looked at beyond what a name would reach", function()
    assert.is_true(pcall(string.find, "anna", "^zzz["))
    assert.is_false(lua_pattern.check "^zzz[")
  end)
end)

describe("suggestions", function()
  it("are free, allowed and three at most", function()
    local taken = { anna = true, ["anna-2"] = true }
    local found = policy.suggest("anna", {}, function(name) return not taken[name] end)
    assert.equal(3, #found)
    for _, name in ipairs(found) do
      assert.is_nil(taken[name])
      assert.is_true((policy.check(name, {})))
    end
  end)

  it("begin with the repaired name when that is free", function()
    assert.equal("my-stack", policy.suggest("My Stack!", {}, anyone)[1])
  end)

  it("never offer a reserved name", function()
    local reserved = policy.set { "admin", "my-admin" }
    for _, name in ipairs(policy.suggest("admin", reserved, anyone)) do assert.is_true((policy.check(name, reserved)), name) end
  end)

  it("fit even when the name is as long as may be", function()
    local found = policy.suggest(("a"):rep(32), {}, function(name) return #name < 32 or name ~= ("a"):rep(32) end)
    assert.equal(3, #found)
    for _, name in ipairs(found) do assert.is_true((names.well_formed(name)), name) end
  end)

  it("are none when nothing is left to build on", function()
    assert.same({}, policy.suggest("عين", {}, anyone))
    assert.same({}, policy.suggest("anna", {}, function() return false end))
  end)
end)
