local support = require "support.engine"

describe("a call to Dokploy", function()
  local fake, call, shape
  before_each(function()
    fake = support.start { secrets = { DOKPLOY_API_TOKEN = "the-token" } }
    call = require "lib.dokploy.call"
    shape = function(value) return type(value) == "table" and value or nil end
  end)
  after_each(support.stop)

  local function read(client) return call.run(client or {}, { procedure = "project.all", shape = shape, repeatable = true }) end
  local function make(client) return call.run(client or {}, { procedure = "project.create", body = { name = "x" }, shape = shape }) end
  local good = { status = 200, body = '[{"a":1}]' }

  it("gives the wanted part of the answer, and sends the key", function()
    fake.answer("project.all", good)
    assert.equal(1, read()[1].a)
    assert.equal("the-token", fake.sent[1].options.headers["x-api-key"])
    assert.equal("GET", fake.sent[1].options.method)
    assert.is_false(fake.sent[1].options.fresh)
  end)

  it("makes things over a connection of their own", function()
    fake.answer("project.create", good)
    make()
    assert.is_true(fake.sent[1].options.fresh)
    assert.equal('{"name":"x"}', fake.sent[1].options.body)
  end)

  it("takes an empty body of a success as nothing", function()
    fake.answer("application.deploy", { status = 200, body = "" })
    local value, message = call.run({}, { procedure = "application.deploy", body = {} })
    assert.is_nil(value)
    assert.is_nil(message)
    assert.equal(true, call.run({}, { procedure = "application.deploy", body = {}, shape = function(v) return v == nil end }))
  end)

  it("repeats a question until it is answered, four times", function()
    local bad = { { status = 503 }, { code = "closed", sent = true }, { status = 200, body = "<html>" } }
    fake.answer("project.all", bad[1], bad[2], bad[3], good)
    assert.truthy(read())
    assert.equal(4, #fake.sent)
    fake.answer("project.all", bad[1])
    local value, _, code = read()
    assert.is_nil(value)
    assert.equal("dokploy_error", code)
    assert.equal(8, #fake.sent)
  end)

  it("never repeats a create that may have been done, and says so", function()
    for _, answer in ipairs { { status = 500 }, { code = "closed", sent = true }, { code = "timeout", sent = true }, { status = 200, body = "{" },
      { status = 200, body = "true" }, { status = 502, body = "x" } } do
      fake.answer("project.create", answer)
      fake.sent = {}
      local value, _, _, info = make()
      assert.is_nil(value)
      assert.equal(1, #fake.sent)
      assert.is_true(info.unknown)
    end
  end)

  it("repeats a create that certainly was not sent", function()
    fake.answer("project.create", { code = "refused", sent = false }, { code = "dns", sent = false }, good)
    assert.truthy(make())
    assert.equal(3, #fake.sent)
  end)

  it("repeats what the authentication layer turned away, and tells a right that is missing at once", function()
    fake.answer("project.create", { status = 401, body = '{"message":"Unauthorized"}' }, good)
    assert.truthy(make())
    fake.answer("project.create", { status = 401, body = '{"message":"no","code":"UNAUTHORIZED"}' })
    fake.sent = {}
    local _, _, code, info = make()
    assert.equal("dokploy_refused", code)
    assert.equal(1, #fake.sent)
    assert.is_false(info.unknown)
  end)

  it("tells an unknown id from an unknown procedure, and both from a proxy's page", function()
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

  it("takes words that say it was done before for a success, without a warning", function()
    fake.answer("dockerVolume.removeVolume", { status = 500, body = '{"message":"(HTTP code 404) no such volume - get x: No such volume"}' })
    assert.is_true(require("lib.dokploy").client():volume_remove "x")
    for _, line in ipairs(fake.logged) do assert.is_not.equal("dokploy.call_failed", line.event) end
  end)

  it("reads what is wrong with the volume of the longest name to its end", function()
    local volume = "portal-ai-workspace-" .. ("n"):rep(32) .. "-0123456789ab"
    local function answer(words)
      local message = ("Command execution failed: Command failed: docker volume rm %s\\nError response from daemon: %s\\n"):format(volume, words)
      fake.answer("dockerVolume.removeVolume", { status = 500, body = ('{"message":"%s"}'):format(message) })
      return require("lib.dokploy").client():volume_remove(volume)
    end
    assert.is_true(answer(("get %s: no such volume"):format(volume)))
    local _, _, code = answer(("remove %s: volume is in use - [%s]"):format(volume, ("c"):rep(64)))
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
    local value = read { patient = true, wanted = function() wanted = wanted - 1 return wanted > 0 end }
    assert.is_nil(value)
  end)

  it("is turned away at once while the breaker is open, when it comes from outside", function()
    fake.answer("project.all", { code = "refused", sent = false })
    read()
    read()
    assert.equal("open", require("lib.dokploy.breaker").state().state)
    fake.sent = {}
    local _, _, code = read()
    assert.equal("dokploy_unreachable", code)
    assert.equal(0, #fake.sent)
  end)

  it("lets the breaker open by outages and errors, and never by refusals", function()
    for _, answer in ipairs { { status = 401, body = '{"message":"Unauthorized"}' }, { status = 400, body = "{}" }, { status = 404, body = "{}" } } do
      fake.answer("project.all", answer)
      for _ = 1, 20 do read { tries = 1 } end
      assert.equal("closed", require("lib.dokploy.breaker").state().state)
    end
    fake.answer("project.all", { status = 503 })
    for _ = 1, 30 do read { tries = 1 } end
    assert.equal("open", require("lib.dokploy.breaker").state().state)
  end)

  it("never logs the key, what was sent, or SQL with its values", function()
    fake.answer("project.create", { status = 400, body = '{"message":"Failed query: insert into x\\nparams: s3cret"}' })
    make()
    fake.answer("application.saveEnvironment", { status = 400, body = '{"message":"bad env s3cret"}' })
    call.run({}, { procedure = "application.saveEnvironment", body = { env = "s3cret" }, repeatable = true, secret = true })
    assert.truthy(#fake.logged >= 2)
    for _, line in ipairs(fake.logged) do
      for _, value in pairs(line.fields) do assert.is_nil(tostring(value):find("s3cret") or tostring(value):find("the%-token")) end
    end
  end)
end)
