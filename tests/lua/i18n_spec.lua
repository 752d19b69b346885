local portal = require "support.portal"

local files = {
  ["locales/en.json"] = '{"language.name":"English","language.dir":"ltr","hello":"Hello {name}, {count} of them","only":"Only here"}',
  ["locales/nl.json"] = '{"language.name":"Nederlands","language.dir":"ltr","hello":"Dag {name}, {count} stuks"}',
  ["locales/ar.json"] = '{"language.name":"العربية","language.dir":"rtl","hello":"مرحبًا {name}، {count}"}',
  ["locales/README"] = "no locale",
}

local function load(more)
  local all = {}
  for path, text in pairs(files) do all[path] = text end
  for path, text in pairs(more or {}) do all[path] = text end
  portal.start { files = all }
  return require "lib.pages.i18n"
end

describe("texts", function()
  it("are in the language asked for, placeholders filled in", function()
    assert.equal("Dag Jan, 3 stuks", load().text("nl", "hello", { name = "Jan", count = 3 }))
  end)

  it("are English where the language lacks them, and the key where all do", function()
    local i18n = load()
    assert.equal("Only here", i18n.text("nl", "only"))
    assert.equal("no.such.key", i18n.text("nl", "no.such.key"))
    assert.equal("Hello A, 1 of them", i18n.text("xx", "hello", { name = "A", count = 1 }))
  end)

  it("keep a name left to right inside Arabic", function()
    assert.equal("مرحبًا \u{2068}anna\u{2069}، 2", load().text("ar", "hello", { name = "anna", count = 2 }))
  end)

  it("leave a placeholder that nobody filled, and take % as it is", function()
    assert.equal("Hello 100%1, {count} of them", load().text("en", "hello", { name = "100%1" }))
  end)

  it("come in groups, English filling the gaps", function()
    local i18n = load {
      ["locales/en.json"] = '{"language.name":"English","page.a":"A","page.b":"B"}',
      ["locales/nl.json"] = '{"language.name":"N","page.a":"Aa"}',
    }
    assert.same({ ["page.a"] = "Aa", ["page.b"] = "B" }, i18n.group("nl", "page."))
  end)
end)

describe("the languages", function()
  it("are the files there are", function()
    assert.same({
      { code = "ar", name = "العربية", dir = "rtl" }, { code = "en", name = "English", dir = "ltr" }, { code = "nl", name = "Nederlands", dir = "ltr" },
    }, load().languages())
  end)

  it("are refused with the file's name when one is broken", function()
    for _, broken in ipairs { "{", "[]x", '"text"', "{}" } do
      local ok, message = pcall(load, { ["locales/nl.json"] = broken })
      assert.is_false(ok, broken)
      assert.truthy(message:find("locales/nl.json", 1, true), message)
    end
  end)
end)

describe("Accept-Language", function()
  local i18n = load()
  local cases = {
    { nil, "en" }, { "", "en" }, { "nl", "nl" }, { "nl-BE,nl;q=0.9,en;q=0.8", "nl" }, { "AR-eg", "ar" }, { "de, fr;q=0.9", "en" },
    { "de,nl;q=0.3,ar;q=0.7", "ar" }, { "en;q=0.1, nl;q=0.2", "nl" }, { "nl;q=0, en;q=0.5", "en" }, { "*", "en" }, { "nl;q=0.4,*;q=0.5", "en" },
    { "nl;q=abc", "en" }, { ";;;,,,q=1", "en" }, { "nl ; q=0.9 , ar", "ar" }, { ("x"):rep(5000), "en" },
  }
  for i, case in ipairs(cases) do
    it(("%d: %s is %s"):format(i, tostring(case[1]):sub(1, 30), case[2]), function() assert.equal(case[2], i18n.accepted(case[1])) end)
  end

  it("is worked out anew after many different ones", function()
    for i = 1, 500 do assert.equal("nl", i18n.accepted("nl;q=0.9,x-" .. i)) end
  end)

  it("gives way to ?lang=, when that is a language", function()
    local function from(path) return i18n.from(portal.request("GET", path, { headers = { ["Accept-Language"] = "nl" } })) end
    assert.equal("ar", from "/?lang=ar")
    assert.equal("nl", from "/?lang=xx")
    assert.equal("nl", from "/")
  end)
end)

describe("an event", function()
  local i18n, json
  before_each(function()
    local fakes = portal.start()
    i18n, json = require "lib.pages.i18n", fakes.json
  end)

  local all = { "en", "nl", "ar" }

  it("carries its time as ISO 8601, and leaves the raw one as it was", function()
    local raw = { position = 2, etaSeconds = 30, at = 1700000000.25 }
    assert.same({ position = 2, etaSeconds = 30, at = "2023-11-14T22:13:20.250Z" }, i18n.event("nl", "queued", raw))
    assert.equal(1700000000.25, raw.at)
  end)

  it("of a step has its title", function()
    for _, language in ipairs(all) do
      local told = i18n.event(language, "progress", { step = "health", state = "running", percent = 40, at = 1 })
      assert.equal(i18n.text(language, "step.health.title"), told.title)
      assert.not_equal("step.health.title", told.title)
      assert.same({ "health", "running", 40 }, { told.step, told.state, told.percent })
    end
  end)

  it("of a failure says what happened and what to do", function()
    local raw = { code = "image_not_found", step = "deploy", rolledBack = true, leftovers = {}, at = 1 }
    local seen = {}
    for _, language in ipairs(all) do
      local told = i18n.event(language, "failed", raw)
      assert.is_true(#told.detail > 10 and #told.advice > 10)
      assert.is_nil(seen[told.detail])
      seen[told.detail] = true
      assert.is_true(told.rolledBack)
      assert.equal(0, #told.leftovers)
      assert.equal("image_not_found", told.code)
    end
  end)

  it("of a failure with a code that has no text still says something", function()
    local told = i18n.event("en", "failed", { code = "no_such_code", step = "deploy", rolledBack = true, at = 1 })
    assert.equal("no_such_code", told.code)
    assert.is_nil(told.detail:find("failure.", 1, true))
  end)

  it("names what is left", function()
    local raw = { code = "dokploy_unreachable", step = "deploy", rolledBack = false, leftovers = { { kind = "project", id = "p1" } }, at = 1 }
    local told = i18n.event("en", "failed", raw)
    assert.equal(1, #told.leftovers)
    assert.same({ "project", "p1" }, { told.leftovers[1].kind, told.leftovers[1].id })
    assert.truthy(told.leftovers[1].detail:find("p1", 1, true))
  end)

  it("can be encoded", function()
    assert.has_no.errors(function() json.encode(i18n.event("en", "cancelled", { rolledBack = true, leftovers = {}, at = 1 })) end)
  end)
end)
