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

  local unauthorized = { status = 401, body = '{"message":"Unauthorized"}' }
  local database_down = { status = 500, body = '{"error":{}}' }
  local seen_going = {
    unauthorized, { status = 500, body = '{"message":"Failed query: select 1"}' },
    { status = 401, body = '{"message":"UNAUTHORIZED","code":"UNAUTHORIZED"}' },
    { status = 400, body = '{"message":"Error creating the project","code":"BAD_REQUEST"}' },
  }

  it("takes refusals for an outage while Dokploy's database is down", function()
    for i, answer in ipairs(seen_going) do
      fake.answer("project.all", answer)
      fake.answer("project.create", answer)
      fake.answer("trpc", database_down)
      local _, message, code, info = read { tries = 1 }
      assert.same({ "dokploy_unreachable", false, true }, { code, info.unknown, info.outage }, i)
      assert.truthy(message:find("database", 1, true))
      _, _, code, info = make { tries = 1 }
      assert.same({ "dokploy_unreachable", i ~= 1 }, { code, info.unknown }, i)
      assert.is_false(fake.shared.get "dokploy.reachable")
      fake.answer("trpc", { code = "timeout", sent = true }) -- the database hangs
      assert.equal("dokploy_unreachable", select(3, read { tries = 1 }))
      fake.now = fake.now + 60
      for _ = 1, 20 do require("lib.dokploy.breaker").report(true) end -- it stays closed
    end
  end)

  it("waits for the database as long as running work is wanted", function()
    local since = fake.now
    local function is_back() return fake.now - since > 300 end
    fake.answer("project.all", function() return is_back() and good or unauthorized end)
    fake.answer("settings.getDokployVersion", { body = '"v0.30.2"' })
    fake.answer("trpc", function() return is_back() and { body = "{}" } or database_down end)
    local waits = {}
    assert.truthy(read { patient = true, wanted = function() return true end,
      waits = function(why) waits[#waits + 1] = why or "goes on" end })
    assert.equal("database", waits[1])
    assert.equal("goes on", waits[#waits])
  end)

  it("waits about a minute where Dokploy does not look at its database", function()
    fake.answer("project.all", unauthorized)
    fake.answer("trpc", { body = '{"result":{"data":{"json":{"status":"not_cloud"}}}}' })
    local running = { patient = true, wanted = function() return true end }
    assert.equal("dokploy_refused", select(3, read(running)))
    assert.equal(call.blind_tries, #fake.sent)
    fake.answer("trpc", { body = '{"result":{"data":{"json":{"status":"ok"}}}}' })
    fake.sent = {}
    assert.equal("dokploy_refused", select(3, read(running)))
    assert.equal(call.key_tries, #fake.sent)
  end)

  it("tells a missing right from a failed create", function()
    local refusals = {
      'Error creating the project: unauthorized to access resource \\"project\\"',
      "Error creating the project: Permission denied", "You don't have access to this service",
    }
    for _, message in ipairs(refusals) do
      local body = ('{"message":"%s","code":"BAD_REQUEST"}'):format(message)
      fake.answer("project.create", { status = 400, body = body })
      local _, _, code, info = make()
      assert.same({ "dokploy_refused", false }, { code, info.unknown })
    end
    fake.answer("project.create", seen_going[4])
    local _, _, code, info = make()
    assert.same({ "dokploy_error", true }, { code, info.unknown })
    local body = '{"message":"Input validation failed","code":"BAD_REQUEST","issues":[]}'
    fake.answer("project.create", { status = 400, body = body })
    _, _, code, info = make()
    assert.same({ "dokploy_error", false }, { code, info.unknown })
  end)

  it("waits for a server behind a proxy that answers for it", function()
    local bad_gateway = {}
    for i = 1, 9 do bad_gateway[i] = { status = 502, body = "Bad Gateway" } end
    bad_gateway[10] = good
    fake.answer("project.all", table.unpack(bad_gateway))
    assert.truthy(read { patient = true })
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

  it("closes the breaker as soon as the server answers without a key", function()
    local breaker = require "lib.dokploy.breaker"
    fake.answer("project.all", { code = "refused", sent = false })
    fake.answer("trpc", { code = "refused", sent = false })
    read()
    read()
    for _ = 1, 20 do
      fake.now = fake.now + 1
      call.probe_if_due()
    end
    assert.same({ "open", true }, { breaker.state().state, breaker.state().is_away })
    fake.sent = {}
    fake.answer("trpc", { body = "{}" })
    fake.answer("settings.getDokployVersion", { body = '"v0.30.2"' })
    fake.now = fake.now + 3
    call.probe_if_due()
    assert.equal("closed", breaker.state().state)
    assert.equal(1, #fake.sent)
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
