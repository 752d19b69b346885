-- core.http. The server answers /echo with the request's bytes, and /hang never.
local http = require "core.http"
local shared = require "core.shared"

local cases, parts = {}, {}

local function base() return "http://127.0.0.1:" .. shared.get "port" end

function cases.request()
  local reply = assert(http.request {
    url = base() .. "/echo?q=1", method = "POST", body = "a\0b",
    headers = { ["X-Api-Key"] = "k", ["X-Number"] = 5 }, fresh = true, timeout = 2,
  })
  assert(reply.status == 200 and math.type(reply.status) == "integer")
  assert(reply.verified == false and reply.seconds > 0)
  assert(reply.headers["x-one"] == "1, 2" and reply.headers["x-empty"] == "")
  assert(reply.headers["content-length"])
  assert(reply.body:find("POST /echo?q=1 HTTP/1.1\r\n", 1, true) == 1)
  assert(reply.body:find("X-Api-Key: k\r\n", 1, true))
  assert(reply.body:find("X-Number: 5\r\n", 1, true))
  assert(reply.body:sub(-3) == "a\0b")
end

function cases.failures()
  local function fails(expected, is_sent, options)
    local reply, why, code, sent = http.request(options)
    assert(reply == nil and code == expected and sent == is_sent and #why > 0, tostring(code))
  end
  fails("timeout", true, { url = base() .. "/hang", timeout = 1 })
  fails("refused", false, { url = "http://127.0.0.1:1/" })
  fails("refused", false, { url = base(), fence = true })
  fails("invalid", false, { url = "gopher://x/" })
  fails("too_large", true, { url = base(), max_body = 3 })
  fails("invalid", false, { url = base(), headers = { ["A B"] = "x" } })
end

function cases.misuse()
  local function raises(message, options)
    local ok, why = pcall(http.request, options)
    assert(not ok and why:find(message), tostring(why))
  end
  raises("table", "http://x")
  raises("url is missing", {})
  raises("retries", { url = base(), retries = 3 })
  raises("timeout", { url = base(), timeout = -1 })
  raises("timeout", { url = base(), timeout = "x" })
  raises("timeout", { url = base(), timeout = 0 / 0 })
  raises("max_body", { url = base(), max_body = -1 })
  raises("body", { url = base(), body = {} })
  raises("headers", { url = base(), headers = "x" })
  raises("headers", { url = base(), headers = { "x" } })
  raises("NUL", { url = base(), headers = { a = "x\0y" } })
  raises("fresh", { url = base(), fresh = 1 })
end

function parts.is_killed_while_it_waits()
  http.request { url = base() .. "/hang" }
  error "not reached"
end

function parts.after_a_kill() assert(http.request { url = base() }) end

return cases, parts
