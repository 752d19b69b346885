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

  it("is checked: a rule that contradicts an example is reported", function()
    table.remove(cause.rules, 1)
    assert.truthy(#check.check() > 0)
  end)

  it("has two texts in every language", function()
    for _, language in ipairs { "en", "nl", "ar" } do
      local text = assert(io.open("locales/" .. language .. ".json")):read "a"
      for _, rule in ipairs(cause.rules) do
        for _, part in ipairs { "detail", "advice" } do
          local key = ('"cause.%s.%s"'):format(rule[1], part)
          assert.truthy(text:find(key, 1, true), key .. " in " .. language)
        end
      end
    end
  end)

  it("is nil when no rule fits", function()
    assert.is_nil(cause.of { code = "script_error" })
    assert.is_nil(cause.of { code = "cancelled", step = "health" })
  end)
end)

describe("text of others", function()
  local sanitize
  before_each(function()
    support.start { secrets = { DOKPLOY_API_TOKEN = "tok-%a-12345678", ADMIN_TOKEN = "short" } }
    sanitize = require "lib.dokploy.sanitize"
  end)
  after_each(support.stop)

  it("loses what is a secret, or looks like one", function()
    local key = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6"
    local digest = "sha256:0123456789abcdef0123456789abcdef is no secret"
    for given, expected in pairs {
      ["with tok-%a-12345678 in it"] = "with *** in it",
      ["PASSWORD=hunter2 and more"] = "PASSWORD=*** and more",
      ['{"apiKey":"abc","x":1}'] = '{"apiKey":"***","x":1}',
      ["OPENCODE_SERVER_PASSWORD: 'x y'"] = "OPENCODE_SERVER_PASSWORD: '*** y'",
      ["git clone https://me:pass@host/x"] = "git clone https://me:***@host/x",
      ["Authorization: Bearer abc.def"] = "Authorization: *** ***",
      ["key " .. key] = "key ***",
      [digest] = digest,
      ["in short, shortly"] = "in ***, shortly",
    } do
      assert.equal(expected, sanitize.text(given, 200))
    end
    local text = sanitize.text("hunter, the hunter22 of this stack", 200,
      { hunter22 = true, hunter = true })
    assert.equal("***, the *** of this stack", text)
  end)

  it("becomes one short line of plain text, always UTF-8", function()
    assert.equal("red and two lines", sanitize.line("\27[31mred\27[0m and\ntwo lines", 200))
    assert.equal("ab", sanitize.line("a\u{202E}b\u{2066}", 200))
    assert.equal("ééé…", sanitize.line(("é"):rep(10), 3))
    assert.equal("ééé", sanitize.line("ééé", 3))
    assert.truthy(utf8.len(sanitize.line("\xff\xfeab", 200)))
    assert.truthy(utf8.len(sanitize.line(("é"):rep(4000), 100000)))
    assert.equal("", sanitize.text(nil, 10))
  end)
end)
