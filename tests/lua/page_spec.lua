local portal = require "support.portal"

-- What the routes know beside the page.
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
  ["locales/en.json"] = '{"language.name":"English","wait.usual":"About {time}.","duration.seconds.other":"{count} s",'
    .. '"page.title":"A & B","page.evil":"</script><b>\\u2028"}',
  ["locales/ar.json"] = '{"language.name":"ع","language.dir":"rtl","page.title":"\\"عنوان\\"","page.evil":"x"}',
  ["www/index.html"] = '<html lang="{{lang}}" dir="{{dir}}"><title>{{t:page.title}}</title><link href="{{asset:app.css}}">'
    .. '<nav>{{languages}}</nav><p>{{slot:wait}}</p><input value="{{slot:name}}">'
    .. '<script type="application/json">{{texts}}</script><script type="application/json">{{settings}}</script>',
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

describe("the page", function()
  before_each(function() load() end)

  it("is filled in, escaped", function()
    local html = get("/?name=%22<b>").html
    assert.truthy(html:find('<html lang="en" dir="ltr"><title>A &amp; B</title><link href="/assets/v1/app.css">', 1, true))
    assert.is_nil(html:find("{{", 1, true))
    assert.is_nil(html:find("<b>", 1, true))
    assert.equal(2, select(2, html:gsub("</script>", "")))
    assert.is_nil(html:find("\u{2028}", 1, true))
    assert.truthy(html:find('"suffix":"localhost"', 1, true))
  end)

  it("is in the language asked for, then in the one remembered, then in the browser's", function()
    local dutch = { ["Accept-Language"] = "nl, ar;q=0.5" }
    assert.truthy(get("/", dutch).html:find('lang="ar" dir="rtl"', 1, true))
    assert.truthy(get("/", { ["Accept-Language"] = "ar", Cookie = "a=b; lang=en; c=d" }).html:find('lang="en"', 1, true))
    assert.truthy(get("/?lang=ar", { Cookie = "lang=en" }).html:find('lang="ar"', 1, true))
    assert.truthy(get("/?lang=xx", { Cookie = "xlang=ar" }).html:find('lang="en"', 1, true))
  end)

  it("remembers a choice, and only a choice", function()
    assert.truthy(get("/?lang=ar").headers["Set-Cookie"]:find("lang=ar;", 1, true))
    assert.is_nil(get("/").headers["Set-Cookie"])
    assert.is_nil(get("/?lang=%0d%0a").headers["Set-Cookie"])
  end)

  it("is not sent twice", function()
    local etag = get("/").headers.ETag
    assert.equal(304, get("/", { ["If-None-Match"] = etag }).status)
    assert.equal(200, get("/?lang=ar", { ["If-None-Match"] = etag }).status)
  end)

  it("tells the wait by the middle one of the newest deployments", function()
    assert.truthy(get("/").html:find("<p>About 45 s.</p>", 1, true))
  end)

  it("has a link to itself in each language, which needs no script", function()
    local html = get("/?lang=ar").html
    assert.truthy(html:find('<a aria-current="true" dir="rtl" href="?lang=ar" hreflang="ar" lang="ar">', 1, true), html)
    assert.truthy(html:find('href="?lang=en"', 1, true))
  end)

  it("lets nothing in from outside", function()
    local policy = get("/").headers["Content-Security-Policy"]
    assert.truthy(policy:find("default-src 'none'", 1, true))
    assert.is_nil(policy:find("unsafe", 1, true))
    assert.truthy(policy:find("frame-ancestors 'none'", 1, true))
    assert.equal("Accept-Language, Cookie, Accept-Encoding", get("/").headers.Vary)
  end)
end)

describe("an element", function()
  local page
  before_each(function()
    load()
    page = require "lib.pages"
  end)

  it("escapes its texts, and what is an element already stays one", function()
    local made = page.h("p", { title = 'a "b" <c>', hidden = true, lang = false }, "<x>", nil, { false, page.h("br") })
    assert.equal('<p hidden title="a &quot;b&quot; &lt;c&gt;">&lt;x&gt;<br></p>', made.html)
  end)
end)

describe("a template with a mistake", function()
  for what, html in pairs { ["{{t:page.titel}}"] = "{{t:page.titel}}", ["{{colour}}"] = "{{colour}}", ["{{if:x}}"] = "{{if:x}}" } do
    it("is refused with the file and the place: " .. what, function()
      local ok, message = pcall(load, html)
      assert.is_false(ok)
      assert.truthy(message:find("www/index.html", 1, true) and message:find(what, 1, true), message)
    end)
  end
end)
