local cjson = require "cjson"
local portal = require "support.portal"

describe("a problem", function()
  local problem
  before_each(function()
    portal.start()
    problem = require "lib.http.problem"
  end)

  local function doc_of(reply) return cjson.decode(reply.body) end
  local function request(more) return portal.request("POST", "/api/deploy", more) end

  it("is a document of RFC 9457 with a stable code", function()
    local reply = problem.reply(request(), "name_taken", { field = "name", args = { name = "anna" } })
    assert.equal("application/problem+json", reply.type)
    assert.equal(409, reply.status)
    local doc = doc_of(reply)
    assert.same({ "name_taken", 409, "req123", "name" }, { doc.code, doc.status, doc.instance, doc.field })
    assert.truthy(doc.type:find("name_taken", 1, true))
    assert.truthy(doc.detail:find("anna", 1, true))
  end)

  it("is in the language of the request", function()
    local seen = {}
    for _, language in ipairs { "nl", "ar", "en" } do
      local reply = problem.reply(request { headers = { ["Accept-Language"] = language } }, "key_missing")
      assert.equal(language, reply.headers["Content-Language"])
      local doc = doc_of(reply)
      assert.is_nil(seen[doc.title])
      seen[doc.title] = true
    end
  end)

  it("says when to retry, with the plural form of the number", function()
    local reply = problem.reply(request(), "queue_full", { retry_after = 17 })
    assert.equal("17", reply.headers["Retry-After"])
    assert.equal(17, doc_of(reply).retryAfter)
    assert.truthy(doc_of(reply).detail:find("20 seconds", 1, true))
    local arabic = problem.reply(request { headers = { ["Accept-Language"] = "ar" } }, "rate_limited", { retry_after = 3 })
    assert.truthy(doc_of(arabic).detail:find("5 ثوانٍ", 1, true))
  end)

  it("asks for a bearer token when a key is missing", function()
    assert.equal("Bearer", problem.reply(request(), "key_missing").headers["WWW-Authenticate"])
    assert.is_nil(problem.reply(request(), "name_taken").headers["WWW-Authenticate"])
  end)

  it("repeats values of the request as short, clean text", function()
    local reply = problem.reply(request(), "field_unknown", { args = { field = ("x\xff\n"):rep(500), known = "name" } })
    local detail = doc_of(reply).detail
    assert.truthy(utf8.len(detail))
    assert.is_true(#detail < 400)
    assert.is_nil(detail:find("%c"))
  end)

  it("cuts such text between characters", function()
    local reply = problem.reply(request(), "not_found", { args = { path = "/" .. ("é"):rep(300) } })
    assert.truthy(utf8.len(doc_of(reply).detail))
  end)

  it("reports errors of the core", function()
    local reply = problem.from_core(request(), 405, "method_not_allowed", { allow = "GET, DELETE" })
    assert.equal(405, reply.status)
    assert.equal("GET, DELETE", reply.headers.Allow)
    assert.truthy(doc_of(reply).detail:find("GET, DELETE", 1, true))
    assert.equal("internal", doc_of(problem.from_core(request(), 500, "something_new", {})).code)
    assert.truthy(doc_of(problem.from_core(request(), 500, "internal", {})).detail:find("req123", 1, true))
  end)

  it("replaces an internal code", function()
    assert.equal("internal", doc_of(problem.reply(request(), "corrupt")).code)
    local journal = problem.reply(request(), "journal")
    assert.same({ 503, "5" }, { journal.status, journal.headers["Retry-After"] })
  end)

  it("leaves no placeholder open", function()
    local args = { path = "/x", method = "GET", allow = "POST", id = "1", message = "m", field = "f", known = "k", type = "string", good = "g",
      min = 3, max = 32, name = "anna", failing = "journal", host = "h", detail = "d", volume = "v" }
    for code, status in pairs(problem.status) do
      for _, language in ipairs { "en", "nl", "ar" } do
        local doc = doc_of(problem.reply(request { headers = { ["Accept-Language"] = language } }, code, { args = args, retry_after = 5 }))
        assert.equal(status, doc.status)
        assert.is_nil((doc.title .. doc.detail):find("[{}]"), code .. " " .. language)
        assert.is_nil((doc.title .. doc.detail):find("problem.", 1, true), code)
      end
    end
  end)
end)
