-- Tests languages, placeholders, Accept-Language, and the wording of events.
local portal = require "support.portal"

local files = {
  ["locales/en.json"] = [[{"language.name": "English", "language.dir": "ltr",
    "hello": "Hello {name}, {count} of them", "only": "Only here"}]],
  ["locales/nl.json"] = [[{"language.name": "Nederlands", "language.dir": "ltr",
    "hello": "Dag {name}, {count} stuks"}]],
  ["locales/ar.json"] = [[{"language.name": "العربية", "language.dir": "rtl",
    "hello": "مرحبًا {name}، {count}"}]],
  ["locales/README"] = "not a locale",
}

local function load(more, site)
  local all = {}
  for path, text in pairs(files) do all[path] = text end
  for path, text in pairs(more or {}) do all[path] = text end
  portal.start { files = all, site = site }
  return require "lib.pages.i18n"
end

describe("the installation's own texts", function()
  local function refused(path, text)
    return select(2, pcall(load, nil, { ["locales/" .. path] = text }))
  end

  it("replace the product's, and add to them", function()
    local i18n = load(nil, { ["locales/nl.json"] = [[{"hello": "Hoi {name}", "own.x": "Eigen"}]],
      ["locales/en.json"] = '{"own.x": "Own"}', ["routes/x.lua"] = 'text "own.x"' })
    assert.equal("Hoi Jan", i18n.text("nl", "hello", { name = "Jan" }))
    assert.equal("Eigen", i18n.text("nl", "own.x"))
    assert.equal("Only here", i18n.text("nl", "only"))
  end)

  it("are a language more, which is complete or says that it is not", function()
    local german = [[{"language.name": "Deutsch", "language.dir": "ltr", "hello": "Hallo"%s}]]
    assert.equal('site/locales/de.json: 1 texts are missing, the first is only (add them, or '
      .. 'write "incomplete": "yes" to show them in English)',
      refused("de.json", german:format ""))
    local i18n = load(nil, { ["locales/de.json"] = german:format ', "only": "Nur hier"' })
    assert.equal("Nur hier", i18n.text("de", "only"))
    assert.is_true(i18n.is_known "de")
  end)

  it("are read by somebody, and English has them", function()
    local function outcome(key, more)
      local site = { ["locales/nl.json"] = ('{"%s": "x"}'):format(key) }
      for path, text in pairs(more or {}) do site[path] = text end
      local is_good, why = pcall(load, nil, site)
      return is_good or why
    end
    assert.matches("site/locales/nl.json: own.notce: nothing reads this text", outcome "own.notce",
      1, true)
    assert.matches("site/locales/nl.json: own.notice: English lacks it", outcome "own.notice", 1,
      true)
    local english = { ["locales/en.json"] = '{"own.notice": "x", "own.day.1": "Monday"}' }
    assert.matches("own.day.1: nothing reads", outcome("own.notice", english), 1, true)
    english["routes/day.lua"] = 'local key = "own.day." .. number'
    assert.is_true(outcome("own.notice", english))
  end)

  it("are refused with the file and the key", function()
    assert.equal("site/locales/nl.json: hello: is not a text (write it in quotes)",
      refused("nl.json", '{"hello": 3}'))
    assert.matches("site/locales/nl.json: helo: the product has no such text",
      refused("nl.json", '{"helo": "x"}'), 1, true)
    assert.matches("site/locales/nl.json: ", refused("nl.json", '{"hello": }'), 1, true)
  end)
end)

describe("texts", function()
  it("are in the requested language, with placeholders filled in", function()
    assert.equal("Dag Jan, 3 stuks", load().text("nl", "hello", { name = "Jan", count = 3 }))
  end)

  it("fall back to English, then to the key", function()
    local i18n = load()
    assert.equal("Only here", i18n.text("nl", "only"))
    assert.equal("no.such.key", i18n.text("nl", "no.such.key"))
    assert.equal("Hello A, 1 of them", i18n.text("xx", "hello", { name = "A", count = 1 }))
  end)

  it("keep a name left to right inside Arabic", function()
    local text = load().text("ar", "hello", { name = "anna", count = 2 })
    assert.equal("مرحبًا \u{2068}anna\u{2069}، 2", text)
  end)

  it('keep a placeholder without a value, and "%"', function()
    assert.equal("Hello 100%1, {count} of them", load().text("en", "hello", { name = "100%1" }))
  end)

  it("come in groups, with English where a translation is missing", function()
    local i18n = load {
      ["locales/en.json"] = '{"language.name":"English","page.a":"A","page.b":"B"}',
      ["locales/nl.json"] = '{"language.name":"N","page.a":"Aa"}',
    }
    assert.same({ ["page.a"] = "Aa", ["page.b"] = "B" }, i18n.group("nl", "page."))
  end)
end)

describe("the languages", function()
  it("are the files in locales/", function()
    assert.same({
      { code = "ar", name = "العربية", dir = "rtl" },
      { code = "en", name = "English", dir = "ltr" },
      { code = "nl", name = "Nederlands", dir = "ltr" },
    }, load().languages())
  end)

  it("name the file that is broken", function()
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
    { nil, "en" }, { "", "en" }, { "nl", "nl" }, { "AR-eg", "ar" }, { "*", "en" },
    { "nl-BE,nl;q=0.9,en;q=0.8", "nl" }, { "de, fr;q=0.9", "en" }, { "de,nl;q=0.3,ar;q=0.7", "ar" },
    { "en;q=0.1, nl;q=0.2", "nl" }, { "nl;q=0, en;q=0.5", "en" }, { "nl;q=0.4,*;q=0.5", "en" },
    { "nl;q=abc", "en" }, { ";;;,,,q=1", "en" }, { "nl ; q=0.9 , ar", "ar" },
    { ("x"):rep(5000), "en" },
  }
  for i, case in ipairs(cases) do
    it(("%d: %s is %s"):format(i, tostring(case[1]):sub(1, 30), case[2]), function()
      assert.equal(case[2], i18n.accepted(case[1]))
    end)
  end

  it("may have any number of different values", function()
    for i = 1, 500 do assert.equal("nl", i18n.accepted("nl;q=0.9,x-" .. i)) end
  end)

  it("yields to ?lang= when that names a language", function()
    local function from(path)
      local headers = { ["Accept-Language"] = "nl" }
      return i18n.from(portal.request("GET", path, { headers = headers }))
    end
    assert.equal("ar", from "/?lang=ar")
    assert.equal("nl", from "/?lang=xx")
    assert.equal("nl", from "/")
  end)
end)

describe("an event", function()
  local i18n, json, wording
  before_each(function()
    local fakes = portal.start()
    i18n, json, wording = require "lib.pages.i18n", fakes.json, require "lib.pages.wording"
  end)

  local all = { "en", "nl", "ar" }

  it("has its time as ISO 8601, and does not change the raw event", function()
    local raw = { position = 2, etaSeconds = 30, at = 1700000000.25 }
    local shown = { position = 2, etaSeconds = 30, at = "2023-11-14T22:13:20.250Z" }
    assert.same(shown, wording.event("nl", "queued", raw))
    assert.equal(1700000000.25, raw.at)
  end)

  it("has the title of its step", function()
    for _, language in ipairs(all) do
      local raw = { step = "health", state = "running", percent = 40, at = 1 }
      local shown = wording.event(language, "progress", raw)
      assert.equal(i18n.text(language, "step.health.title"), shown.title)
      assert.not_equal("step.health.title", shown.title)
      assert.same({ "health", "running", 40 }, { shown.step, shown.state, shown.percent })
    end
  end)

  it("describes a failure and what to do about it", function()
    local code = "image_not_found"
    local raw = { code = code, step = "deploy", rolledBack = true, leftovers = {}, at = 1 }
    local seen = {}
    for _, language in ipairs(all) do
      local shown = wording.event(language, "failed", raw)
      assert.is_true(#shown.detail > 10 and #shown.advice > 10)
      assert.is_nil(seen[shown.detail])
      seen[shown.detail] = true
      assert.is_true(shown.rolledBack)
      assert.equal(0, #shown.leftovers)
      assert.equal(code, shown.code)
    end
  end)

  it("has a general text for a failure with an unknown code", function()
    local raw = { code = "no_such_code", step = "deploy", rolledBack = true, at = 1 }
    local shown = wording.event("en", "failed", raw)
    assert.equal("no_such_code", shown.code)
    assert.is_nil(shown.detail:find("failure.", 1, true))
  end)

  it("lists what could not be removed", function()
    local leftovers = { { kind = "project", id = "p1" } }
    local raw = {
      code = "dokploy_unreachable", step = "deploy", rolledBack = false, at = 1,
      leftovers = leftovers,
    }
    local shown = wording.event("en", "failed", raw)
    assert.equal(1, #shown.leftovers)
    assert.same({ "project", "p1" }, { shown.leftovers[1].kind, shown.leftovers[1].id })
    assert.truthy(shown.leftovers[1].detail:find("p1", 1, true))
  end)

  it("can be encoded as JSON", function()
    local raw = { rolledBack = true, leftovers = {}, at = 1 }
    assert.is_string(json.encode(wording.event("en", "cancelled", raw)))
  end)
end)
