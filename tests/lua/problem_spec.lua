-- Problem documents (RFC 9457).
local cjson = require "cjson"
local portal = require "support.portal"

describe("a problem", function()
  local problem
  before_each(function()
    portal.start()
    problem = require "lib.http.problem"
  end)

  local function request(language)
    return portal.request("POST", "/api/deploy", { headers = { ["Accept-Language"] = language } })
  end

  -- The document and its reply.
  local function of(code, options, language)
    local reply = problem.reply(request(language), code, options)
    return cjson.decode(reply.body), reply
  end

  it("is a document with a stable code", function()
    local doc, reply = of("name_taken", { field = "name", args = { name = "anna" } })
    assert.same({ "application/problem+json", 409 }, { reply.type, reply.status })
    assert.same({ "name_taken", 409, "req123", "name" },
      { doc.code, doc.status, doc.instance, doc.field })
    assert.truthy(doc.type:find("name_taken", 1, true))
    assert.truthy(doc.detail:find("anna", 1, true))
  end)

  it("is in the language of the request", function()
    local seen = {}
    for _, language in ipairs { "nl", "ar", "en" } do
      local doc, reply = of("key_missing", nil, language)
      assert.equal(language, reply.headers["Content-Language"])
      assert.is_nil(seen[doc.title])
      seen[doc.title] = true
    end
  end)

  it("may have a code and texts of an installation's own", function()
    local own = { texts = { en = "We open at nine.", nl = "We openen om negen uur." },
      status = 409, retry_after = 60 }
    local doc, reply = of("too_early", own, "nl")
    assert.same({ "too_early", 409, "We openen om negen uur.", 60, "60" },
      { doc.code, reply.status, doc.detail, doc.retryAfter, reply.headers["Retry-After"] })
    assert.equal("Niet toegestaan", doc.title)
    assert.equal("We open at nine.", of("too_early", own, "ar").detail)
    doc, reply = of("too_early", { texts = {} })
    assert.same({ 403, 403 }, { reply.status, doc.status })
    assert.truthy(doc.detail:find("too_early", 1, true))
    assert.equal("We open at nine.", of("access_closed", { texts = own.texts }).detail)
  end)

  it("is an internal one when the portal itself gives a code that does not exist", function()
    local doc, reply = of "no_such_code"
    assert.same({ "internal", 500 }, { doc.code, reply.status })
  end)

  it("says when to retry, with the plural form of the number", function()
    local doc, reply = of("queue_full", { retry_after = 17 })
    assert.same({ "17", 17 }, { reply.headers["Retry-After"], doc.retryAfter })
    assert.truthy(doc.detail:find("20 seconds", 1, true))
    assert.truthy(of("rate_limited", { retry_after = 3 }, "ar").detail:find("5 ثوانٍ", 1, true))
  end)

  it("asks for a bearer token when a key is missing", function()
    assert.equal("Bearer", select(2, of "key_missing").headers["WWW-Authenticate"])
    assert.is_nil(select(2, of "name_taken").headers["WWW-Authenticate"])
  end)

  it("repeats values of the request as short, clean text", function()
    local args = { field = ("x\xff\n"):rep(500), known = "name" }
    local detail = of("field_unknown", { args = args }).detail
    assert.truthy(utf8.len(detail))
    assert.is_true(#detail < 400)
    assert.is_nil(detail:find("%c"))
  end)

  it("cuts such text between characters", function()
    local args = { path = "/" .. ("é"):rep(300) }
    assert.truthy(utf8.len(of("not_found", { args = args }).detail))
  end)

  it("reports errors of the core", function()
    local function from_core(...)
      local reply = problem.from_core(request(), ...)
      return cjson.decode(reply.body), reply
    end
    local doc, reply = from_core(405, "method_not_allowed", { allow = "GET, DELETE" })
    assert.same({ 405, "GET, DELETE" }, { reply.status, reply.headers.Allow })
    assert.truthy(doc.detail:find("GET, DELETE", 1, true))
    assert.equal("internal", from_core(500, "something_new", {}).code)
    assert.truthy(from_core(500, "internal", {}).detail:find("req123", 1, true))
  end)

  it("replaces an internal code", function()
    assert.equal("internal", of("corrupt").code)
    local _, journal = of "journal"
    assert.same({ 503, "5" }, { journal.status, journal.headers["Retry-After"] })
  end)

  it("leaves no placeholder open", function()
    local args = {
      path = "/x", method = "GET", allow = "POST", id = "1", message = "m", field = "f",
      known = "k", type = "string", good = "g", min = 3, max = 32, name = "anna",
      failing = "journal", host = "h", detail = "d", volume = "v",
      encoding = "br", number = 7, count = 2, service = "s", command = "c",
    }
    for code, status in pairs(problem.status) do
      for _, language in ipairs { "en", "nl", "ar" } do
        local doc = of(code, { args = args, retry_after = 5 }, language)
        assert.equal(status, doc.status)
        assert.is_nil((doc.title .. doc.detail):find("[{}]"), code .. " " .. language)
        assert.is_nil((doc.title .. doc.detail):find("problem.", 1, true), code)
      end
    end
  end)
end)
