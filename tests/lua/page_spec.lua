-- Pages: templates, languages, caching, elements.
local portal = require "support.portal"

-- What routes/page.lua uses beside the pages.
local modules = {
  ["lib.journal"] = { operations = {
    durations = function() return { 40, 42, 300 } end, get = function() return false end,
  } },
  ["lib.operations.scheduler"] = { guess = 45 },
  ["lib.auth"] = { reader = function() return { kind = "visitor" } end },
  ["lib.http.workspace_view"] = {}, ["lib.operations.summary"] = {}, steps = {},
}

local files = {
  ["www/favicon.ico"] = "icon",
  ["www/plain.html"] = "<h1>{{slot:heading}}</h1>{{slot:main}}",
  ["www/view.html"] = "{{slot:main}}",
  ["www/index.html"] = '<html lang="{{lang}}" dir="{{dir}}"><title>{{t:page.title}}</title>'
    .. '<link href="{{asset:app.css}}"><nav>{{languages}}</nav><p>{{slot:wait}}</p>'
    .. '<input value="{{slot:name}}"><script type="application/json">{{texts}}</script>'
    .. '<script type="application/json">{{settings}}</script>',
  ["locales/en.json"] = '{"language.name":"English","wait.usual":"About {time}.",'
    .. '"duration.seconds.other":"{count} s","page.title":"A & B",'
    .. '"live.evil":"</script><b>\\u2028"}',
  ["locales/ar.json"] = '{"language.name":"ع","language.dir":"rtl","page.title":"\\"عنوان\\"",'
    .. '"live.evil":"x"}',
}

local function load(html)
  local all = {}
  for path, text in pairs(files) do all[path] = text end
  all["www/index.html"] = html or all["www/index.html"]
  local fakes = portal.start { files = all, modules = modules }
  fakes.server.list = function() return { "ar.json", "en.json" } end
  require "routes.page"
end

local function get(path, headers) return portal.ask("GET", path, { headers = headers }) end
local function has(html, text) return html:find(text, 1, true) ~= nil end

describe("the page", function()
  before_each(function() load() end)

  it("is filled in, escaped", function()
    local html = get("/?name=%22<b>").html
    assert.is_true(has(html, '<html lang="en" dir="ltr"><title>A &amp; B</title>'))
    assert.is_true(has(html, '<link href="/assets/v1/app.css">'))
    assert.is_false(has(html, "{{"))
    assert.is_false(has(html, "<b>"))
    assert.equal(2, select(2, html:gsub("</script>", "")))
    assert.is_false(has(html, "\u{2028}"))
    assert.is_true(has(html, '"suffix":"localhost"'))
  end)

  it("is in the requested language, else the remembered one, else the browser's", function()
    local dutch = { ["Accept-Language"] = "nl, ar;q=0.5" }
    assert.is_true(has(get("/", dutch).html, 'lang="ar" dir="rtl"'))
    local english = { ["Accept-Language"] = "ar", Cookie = "a=b; lang=en; c=d" }
    assert.is_true(has(get("/", english).html, 'lang="en"'))
    assert.is_true(has(get("/?lang=ar", { Cookie = "lang=en" }).html, 'lang="ar"'))
    assert.is_true(has(get("/?lang=xx", { Cookie = "xlang=ar" }).html, 'lang="en"'))
  end)

  it("remembers a choice of language, and nothing else", function()
    assert.is_true(has(get("/?lang=ar").headers["Set-Cookie"], "lang=ar;"))
    assert.is_nil(get("/").headers["Set-Cookie"])
    assert.is_nil(get("/?lang=%0d%0a").headers["Set-Cookie"])
  end)

  it("is not sent twice", function()
    local etag = get("/").headers.ETag
    assert.equal(304, get("/", { ["If-None-Match"] = etag }).status)
    assert.equal(200, get("/?lang=ar", { ["If-None-Match"] = etag }).status)
  end)

  it("estimates the wait by the median of the last deployments", function()
    assert.is_true(has(get("/").html, "<p>About 45 s.</p>"))
  end)

  it("has only its changing part for its script", function()
    local reply = get("/", { ["X-Part"] = "1" })
    local expected = '<title>A &amp; B</title><p class="hush" id="wait">About 45 s.</p>'
    assert.is_true(has(reply.html, expected))
    assert.is_false(has(reply.html, "<html"))
    assert.equal("no-store", reply.headers["Cache-Control"])
  end)

  it("links to itself in each language, without a script", function()
    local html = get("/?lang=ar").html
    local current = '<a aria-current="true" dir="rtl" href="?lang=ar" hreflang="ar" lang="ar">'
    assert.is_true(has(html, current))
    assert.is_true(has(html, 'href="?lang=en"'))
  end)

  it("loads nothing from other hosts", function()
    local policy = get("/").headers["Content-Security-Policy"]
    assert.is_true(has(policy, "default-src 'none'"))
    assert.is_false(has(policy, "unsafe"))
    assert.is_true(has(policy, "frame-ancestors 'none'"))
    assert.equal("Accept-Language, Cookie, Accept-Encoding", get("/").headers.Vary)
  end)
end)

it("an element escapes its texts, but not its elements", function()
  load()
  local h = require("lib.pages.html").h
  local props = { title = 'a "b" <c>', hidden = true, lang = false }
  local made = h("p", props, "<x>", nil, { false, h("br") })
  assert.equal('<p hidden title="a &quot;b&quot; &lt;c&gt;">&lt;x&gt;<br></p>', made.html)
end)

describe("a template with a mistake", function()
  for _, what in ipairs { "{{t:page.titel}}", "{{colour}}", "{{if:x}}" } do
    it("is refused with the file and the placeholder: " .. what, function()
      local ok, message = pcall(load, what)
      assert.is_false(ok)
      assert.is_true(has(message, "www/index.html") and has(message, what), message)
    end)
  end
end)
