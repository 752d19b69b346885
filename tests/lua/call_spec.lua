local support = require "support.engine"

describe("a call to Dokploy", function()
  local fake, call, shape
  before_each(function()
    fake = support.start { secrets = { DOKPLOY_API_TOKEN = "the-token" } }
    call = require "lib.dokploy.call"
    shape = function(value) return type(value) == "table" and value or nil end
  end)
  after_each(support.stop)

  local function read(client)
    return call.run(client or {}, { procedure = "project.all", shape = shape, repeatable = true })
  end

  local function make(client)
    local request = { procedure = "project.create", body = { name = "x" }, shape = shape }
    return call.run(client or {}, request)
  end

  local good = { status = 200, body = '[{"a":1}]' }

  it("returns the wanted part of the answer, and sends the key", function()
    fake.answer("project.all", good)
    assert.equal(1, read()[1].a)
    assert.equal("the-token", fake.sent[1].options.headers["x-api-key"])
    assert.equal("GET", fake.sent[1].options.method)
    assert.is_false(fake.sent[1].options.fresh)
  end)

  it("creates over a connection of its own", function()
    fake.answer("project.create", good)
    make()
    assert.is_true(fake.sent[1].options.fresh)
    assert.equal('{"name":"x"}', fake.sent[1].options.body)
  end)

  it("takes an empty body of a success for nil", function()
    fake.answer("application.deploy", { status = 200, body = "" })
    local value, message = call.run({}, { procedure = "application.deploy", body = {} })
    assert.is_nil(value)
    assert.is_nil(message)
    local function is_nil(answer) return answer == nil end
    local request = { procedure = "application.deploy", body = {}, shape = is_nil }
    assert.equal(true, call.run({}, request))
  end)

  it("says where a redirect leads, and follows none", function()
    local function answered(location)
      fake.answer("project.all", { status = 308, body = "", headers = { location = location } })
      local _, message, code = read { tries = 1 }
      assert.equal("dokploy_unexpected_answer", code)
      return message
    end
    assert.equal("it redirects to https://d.test; set DOKPLOY_URL to that",
      answered "https://d.test/api/project.all?x=1")
    assert.equal("it redirects to /login; set DOKPLOY_URL to the address of Dokploy itself",
      answered "/login?next=%2Fapi")
  end)

  it("repeats a read up to four times", function()
    local page = { status = 200, body = "<html>" }
    fake.answer("project.all", { status = 503 }, { code = "closed", sent = true }, page, good)
    assert.truthy(read())
    assert.equal(4, #fake.sent)
    fake.answer("project.all", { status = 503 })
    local value, _, code = read()
    assert.is_nil(value)
    assert.equal("dokploy_error", code)
    assert.equal(8, #fake.sent)
  end)

  it("never repeats a create that may have been done, and reports that", function()
    local answers = {
      { status = 500 }, { code = "closed", sent = true }, { code = "timeout", sent = true },
      { status = 200, body = "{" }, { status = 200, body = "true" }, { status = 502, body = "x" },
    }
    for _, answer in ipairs(answers) do
      fake.answer("project.create", answer)
      fake.sent = {}
      local value, _, _, info = make()
      assert.is_nil(value)
      assert.equal(1, #fake.sent)
      assert.is_true(info.unknown)
    end
  end)

  it("repeats a create that certainly was not sent", function()
    local unsent = { { code = "refused", sent = false }, { code = "dns", sent = false } }
    fake.answer("project.create", unsent[1], unsent[2], good)
    assert.truthy(make())
    assert.equal(3, #fake.sent)
  end)

  it("repeats what the authentication layer refused, but not what lacks a permission", function()
    fake.answer("project.create", { status = 401, body = '{"message":"Unauthorized"}' }, good)
    assert.truthy(make())
    fake.answer("project.create", { status = 401, body = '{"message":"no","code":"UNAUTHORIZED"}' })
    fake.sent = {}
    local _, _, code, info = make()
    assert.equal("dokploy_refused", code)
    assert.equal(1, #fake.sent)
    assert.is_false(info.unknown)
  end)

  it("distinguishes an unknown id, an unknown procedure, and a proxy's page", function()
    local codes = {
      not_found = { status = 404, body = '{"message":"Project not found","code":"NOT_FOUND"}' },
      no_such_call = { status = 404, body = '{"message":"Not found","code":"NOT_FOUND"}' },
      dokploy_unexpected_answer = { status = 404, body = "404 page not found" },
    }
    for expected, answer in pairs(codes) do
      fake.answer("project.all", answer)
      local _, _, code = read()
      assert.equal(expected, code)
    end
  end)

  it("takes a message that it was done before for a success, without a warning", function()
    local body = '{"message":"(HTTP code 404) no such volume - get x: No such volume"}'
    fake.answer("dockerVolume.removeVolume", { status = 500, body = body })
    assert.is_true(require("lib.dokploy").client():volume_remove "x")
    for _, line in ipairs(fake.logged) do assert.is_not.equal("dokploy.call_failed", line.event) end
  end)

  it("reads the message about a volume with the longest name to its end", function()
    local volume = "portal-ai-workspace-" .. ("n"):rep(32) .. "-0123456789ab"
    local function answer(text)
      local body = '{"message":"Command execution failed: Command failed: docker volume rm %s\\n'
        .. 'Error response from daemon: %s\\n"}'
      fake.answer("dockerVolume.removeVolume", { status = 500, body = body:format(volume, text) })
      return require("lib.dokploy").client():volume_remove(volume)
    end
    assert.is_true(answer(("get %s: no such volume"):format(volume)))
    local in_use = ("remove %s: volume is in use - [%s]"):format(volume, ("c"):rep(64))
    local _, _, code = answer(in_use)
    assert.equal("in_use", code)
  end)

  it("waits as long as Retry-After says", function()
    fake.answer("project.all", { status = 429, headers = { ["retry-after"] = "7" } }, good)
    local before = fake.now
    read()
    assert.equal(7, fake.now - before)
  end)

  it("waits through an outage when it is patient, as long as it is wanted", function()
    local outage = {}
    for i = 1, 12 do outage[i] = { code = "refused", sent = false } end
    outage[13] = good
    fake.answer("project.all", table.unpack(outage))
    fake.answer("settings.getDokployVersion", { status = 200, body = '"v0.30.2"' })
    assert.truthy(read { patient = true })
    fake.answer("project.all", { code = "refused", sent = false })
    fake.answer("settings.getDokployVersion", { code = "refused", sent = false })
    local wanted = 50
    local value = read { patient = true, wanted = function()
      wanted = wanted - 1
      return wanted > 0
    end }
    assert.is_nil(value)
  end)

  it("fails at once while the breaker is open, unless it is patient", function()
    fake.answer("project.all", { code = "refused", sent = false })
    read()
    read()
    assert.equal("open", require("lib.dokploy.breaker").state().state)
    fake.sent = {}
    local _, _, code = read()
    assert.equal("dokploy_unreachable", code)
    assert.equal(0, #fake.sent)
  end)

  it("opens the breaker by outages and errors, and never by refusals", function()
    local refusals = {
      { status = 401, body = '{"message":"Unauthorized"}' }, { status = 400, body = "{}" },
      { status = 404, body = "{}" },
    }
    for _, answer in ipairs(refusals) do
      fake.answer("project.all", answer)
      for _ = 1, 20 do read { tries = 1 } end
      assert.equal("closed", require("lib.dokploy.breaker").state().state)
    end
    fake.answer("project.all", { status = 503 })
    for _ = 1, 30 do read { tries = 1 } end
    assert.equal("open", require("lib.dokploy.breaker").state().state)
  end)

  it("never logs the key, what was sent, or SQL with its values", function()
    local sql = '{"message":"Failed query: insert into x\\nparams: s3cret"}'
    fake.answer("project.create", { status = 400, body = sql })
    make()
    local procedure, message = "application.saveEnvironment", '{"message":"bad env s3cret"}'
    fake.answer(procedure, { status = 400, body = message })
    local body = { env = "s3cret" }
    call.run({}, { procedure = procedure, body = body, repeatable = true, secret = true })
    assert.truthy(#fake.logged >= 2)
    for _, line in ipairs(fake.logged) do
      for _, value in pairs(line.fields) do
        assert.is_nil(tostring(value):find "s3cret")
        assert.is_nil(tostring(value):find "the%-token")
      end
    end
  end)
end)
