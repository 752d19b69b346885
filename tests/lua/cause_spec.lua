local support = require "support.engine"

describe("the likely cause of a failure", function()
  local check, cause
  before_each(function()
    support.start {}
    check, cause = require "lib.base.check", require "lib.operations.cause"
  end)
  after_each(support.stop)

  it("is what the examples beside the rules say", function()
    assert.same({}, check.check())
  end)

  it("is noticed when a rule and an example do not agree", function()
    table.remove(cause.rules, 1)
    assert.truthy(#check.check() > 0)
  end)

  it("has two texts in every language, and is reached by some failure", function()
    for _, language in ipairs { "en", "nl", "ar" } do
      local text = assert(io.open("locales/" .. language .. ".json")):read "a"
      for _, rule in ipairs(cause.rules) do
        for _, part in ipairs { "detail", "advice" } do
          assert.truthy(text:find(('"cause.%s.%s"'):format(rule[1], part), 1, true), rule[1] .. " in " .. language)
        end
      end
    end
  end)

  it("is none when nothing fits", function()
    assert.is_nil(cause.of { code = "script_error" })
    assert.is_nil(cause.of { code = "cancelled", step = "health" })
  end)
end)

describe("words of others", function()
  local said
  before_each(function()
    support.start { secrets = { DOKPLOY_API_TOKEN = "tok-%a-12345678", ADMIN_TOKEN = "short" } }
    said = require "lib.dokploy.sanitize"
  end)
  after_each(support.stop)

  it("lose what is a secret, or looks like one", function()
    local key = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
    for given, told in pairs {
      ["with tok-%a-12345678 in it"] = "with *** in it",
      ["PASSWORD=hunter2 and more"] = "PASSWORD=*** and more",
      ['{"apiKey":"abc","x":1}'] = '{"apiKey":"***","x":1}',
      ["OPENCODE_SERVER_PASSWORD: 'x y'"] = "OPENCODE_SERVER_PASSWORD: '*** y'",
      ["git clone https://me:pass@host/x"] = "git clone https://me:***@host/x",
      ["Authorization: Bearer abc.def"] = "Authorization: *** ***",
      ["key " .. key] = "key ***",
      ["sha256:0123456789abcdef0123456789abcdef is no secret"] = "sha256:0123456789abcdef0123456789abcdef is no secret",
      ["in short, nothing"] = "in short, nothing",
    } do
      assert.equal(told, said.text(given, 200))
    end
    assert.equal("the *** of this stack", said.text("the hunter22 of this stack", 200, "hunter22"))
  end)

  it("are one short line of plain text, and always UTF-8", function()
    assert.equal("red and two lines", said.line("\27[31mred\27[0m and\ntwo lines", 200))
    assert.equal("ab", said.line("a\u{202E}b\u{2066}", 200))
    assert.equal("ééé…", said.line(("é"):rep(10), 3))
    assert.equal("ééé", said.line("ééé", 3))
    assert.truthy(utf8.len(said.line("\xff\xfeab", 200)))
    assert.truthy(utf8.len(said.line(("é"):rep(4000), 100000)))
    assert.equal("", said.text(nil, 10))
  end)
end)
