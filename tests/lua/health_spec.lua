local support = require "support.engine"

local challenge = {
  ["www-authenticate"] = 'Basic realm="Secure Area"', ["content-type"] = "text/plain",
}
local as_json = { ["content-type"] = "application/json; charset=utf-8" }
local locked = { status = 401, headers = challenge }
local function ok(body) return { status = 200, headers = as_json, body = body } end
local well = ok '{"healthy":true,"version":"1.18.33"}'
local workspace = ok '{"directory":"/workspace"}'
local page = { status = 200, headers = { ["content-type"] = "text/html" }, body = "<html>" }

describe("the health of a workspace", function()
  local fake, health, containers
  before_each(function()
    fake = support.start()
    containers = require "lib.dokploy.containers"
    health = require "lib.workspaces.health"
  end)
  after_each(support.stop)

  it("is locked only by 401 and a Basic challenge", function()
    assert.equal("locked", health.lock_of(locked))
    assert.is_nil(health.lock_of { status = 401, headers = {} })
    for _, status in ipairs { 404, 502, 503, 302 } do
      assert.is_nil(health.lock_of { status = status, headers = challenge })
    end
    assert.equal("open", health.lock_of(well))
    assert.equal("page", health.lock_of(page))
  end)

  it("is of the right instance when its JSON says so", function()
    assert.equal("1.18.33", health.instance_of(well))
    local cases = {
      { { status = 401, headers = challenge }, "stack_wrong_password" },
      { page, "stack_unhealthy" },
      { ok '{"healthy":false,"version":"1"}', "stack_unhealthy" },
      { ok '{"healthy":true}', "stack_unhealthy" },
      { ok "{", "stack_unhealthy" },
    }
    for _, case in ipairs(cases) do
      local version, code = health.instance_of(case[1])
      assert.is_nil(version)
      assert.equal(case[2], code)
    end
  end)

  it("was last used when its newest session was changed", function()
    local sessions = '[{"time":{"updated":1795452921000}},{"time":{"updated":1795452923500}}]'
    assert.equal(1795452923.5, health.used_of(ok(sessions)))
    local others = { "[]", "{}", '[{"time":7},3,{}]', '[{"time":{"updated":"soon"}}]', "[" }
    for _, body in ipairs(others) do
      assert.is_nil(health.used_of(ok(body)))
    end
    assert.is_nil(health.used_of(page))
    assert.is_nil(health.used_of { status = 401, headers = as_json, body = sessions })
  end)

  it("has files since its oldest project was opened", function()
    local projects = '[{"time":{"created":1796146806851}},{"time":{"created":1796146614397}}]'
    assert.equal(1796146614397, health.files_since_of(ok(projects)))
    for _, body in ipairs { "[]", "{}", '[{"time":7},3,{}]', '[{"time":{"created":"x"}}]', "[" } do
      assert.is_nil(health.files_since_of(ok(body)))
    end
    assert.is_nil(health.files_since_of(page))
  end)

  it("is usable when the workspace opens", function()
    assert.is_true(health.workspace_of(workspace))
    local codes = {
      [400] = "stack_workspace", [500] = "stack_workspace", [502] = "stack_unhealthy",
      [401] = "stack_wrong_password",
    }
    for status, code in pairs(codes) do
      local good, why = health.workspace_of { status = status, headers = as_json, body = "{}" }
      assert.is_nil(good)
      assert.equal(code, why)
    end
    local good, why = health.workspace_of(ok '{"directory":"/"}')
    assert.is_nil(good)
    assert.equal("stack_workspace", why)
  end)

  -- Answers by path, by whether a password came, and by whether the certificate had to be good.
  local function serve(by)
    fake.answer("/global/health", function(options)
      if not options.verify then return by.unverified or { code = "refused", sent = false } end
      return options.headers and by.inside or by.outside
    end)
    fake.answer("/path", function(options)
      assert.truthy(options.headers.Authorization)
      return by.path
    end)
  end
  local target = { public = { url = "https://x.test", fence = true }, password = "pw" }

  it("is good when all three hold", function()
    serve { outside = locked, inside = well, path = workspace }
    local seen = health.probe(target)
    assert.is_nil(seen.code)
    assert.equal("1.18.33", seen.version)
    assert.is_true(fake.sent[1].options.fence)
    assert.equal("Basic b64(opencode:pw)", fake.sent[2].options.headers.Authorization)
    for _, request in ipairs(fake.sent) do assert.truthy(request.options.timeout <= 10) end
  end)

  it("is unprotected when it answers without a password", function()
    serve { outside = well }
    assert.equal("stack_unprotected", health.probe(target).code)
    assert.equal(1, #fake.sent)
  end)

  it("sends no password over an invalid certificate", function()
    serve { outside = { code = "tls", sent = false }, unverified = locked }
    local seen = health.probe(target)
    assert.equal("certificate", seen.code)
    assert.is_false(seen.is_certified)
    for _, request in ipairs(fake.sent) do assert.is_nil(request.options.headers) end
  end)

  it("is unprotected also behind an invalid certificate", function()
    serve { outside = { code = "tls", sent = false }, unverified = well }
    assert.equal("stack_unprotected", health.probe(target).code)
  end)

  it("is probed with the password at the inner address meanwhile", function()
    local inner = { url = "http://stack-x:8080" }
    local both = { public = target.public, inner = inner, password = "pw" }
    fake.answer("/global/health", function(options)
      if options.url:find("^https") then
        assert.is_nil(options.headers)
        return options.verify and { code = "tls" } or locked
      end
      return options.headers and well or locked
    end)
    fake.answer("/path", workspace)
    assert.is_nil(health.probe(both).code)
  end)

  it("counts containers that ended by themselves", function()
    local tasks = {
      { state = "ready", currentState = "Ready 4 seconds ago", error = "" },
      { containerId = "b", state = "shutdown", currentState = "Failed 5 seconds ago",
        error = '"task: non-zero exit (78)"' },
      { containerId = "a", state = "shutdown", currentState = "Rejected 9 seconds ago",
        error = "invalid mount" },
      { state = "shutdown", currentState = "Shutdown 9 seconds ago", error = "" },
    }
    local ended = containers.crashes(nil, tasks)
    assert.equal(2, ended.count)
    assert.equal("non-zero exit (78)", ended.reason)
    assert.equal(1, containers.crashes(nil, {
      { name = "a.1.x", state = "exited", status = "Exited (137) 5 seconds ago" },
      { name = "a.1.y", state = "exited", status = "Exited (0) 1 hour ago" },
      { name = "a.1.z", state = "running", status = "Up 2 seconds" },
    }).count)
  end)

  local function failed(id, problem)
    return { containerId = id, currentState = "Failed 2 minutes ago", error = problem or "" }
  end
  local function in_state(state) return { containerId = "n", currentState = state, error = "" } end

  it("counts a container that ended once, once", function()
    local ended
    for _ = 1, 9 do ended = containers.crashes(ended, { in_state "Starting", failed "a" }) end
    assert.equal(1, ended.count)
    ended = containers.crashes(ended, { failed "c", failed "b", failed "a" })
    assert.equal(3, ended.count)
  end)

  it("counts from the start when a newer container keeps running", function()
    local ended = containers.crashes(nil, { failed "b", failed "a" })
    local function count_with(state)
      return containers.crashes(ended, { in_state(state), failed "b", failed "a" }).count
    end
    assert.equal(2, count_with "Running 4 seconds ago")
    assert.equal(2, count_with "Running less than a second ago")
    assert.equal(0, count_with "Running 43 seconds ago")
    assert.equal(0, count_with "Running about a minute ago")
  end)

  it("takes no container that a restart of Docker removed for a crash", function()
    local rows = { failed("a", "No such container: rb-olsyrb.1.nlkpjjt"), failed("b", "task: x") }
    assert.equal(1, containers.crashes(nil, rows).count)
  end)

  it("sees that a container ended where Dokploy gives its state only", function()
    local rows = {
      { containerId = "1", name = "x.1.a", state = "exited" },
      { containerId = "2", name = "x.1.b", state = "running" },
      { containerId = "3", name = "x.1.c", state = "dead" },
    }
    assert.equal(2, containers.crashes(nil, rows).count)
    assert.same({ b = true }, containers.up(rows))
    assert.same({}, containers.up { { state = "running" } }, "one without an id")
  end)
end)

describe("a failed deployment's log", function()
  it("names the cause", function()
    support.start()
    local code_of = require("lib.operations.submission").code_of
    assert.equal("image_not_found", code_of(
      "Error response from daemon: manifest for x:1 not found: manifest unknown: manifest unknown"))
    assert.equal("registry_login", code_of "❌ Login failed")
    for _, line in ipairs {
      "Error response from daemon: Head https://a.test/v2/x/manifests/1: no basic auth credentials",
      'Error response from daemon: Head "https://b.test/v2/x/manifests/1": denied',
      "Error response from daemon: pull access denied for x, repository does not exist or may "
        .. "require 'docker login': denied: requested access to the resource is denied",
      "unauthorized: authentication required",
    } do assert.equal("registry_denied", code_of(line)) end
    assert.equal("deploy_failed", code_of "open /var/lib/x: permission denied")
    assert.equal("deploy_failed", code_of "dial tcp 127.0.0.1:5000: connect: connection refused")
    assert.equal("deploy_failed", code_of "")
  end)

  it("makes a message for the portal's log, with the image where that is the cause", function()
    local ctx = { params = { image = "a/b:1" }, known = function() end, secrets = function() end }
    local function message(row, tail)
      local failure = require("lib.operations.submission").failure
      return select(2, failure(ctx, row, { tail = tail }))
    end
    local failed = "Dokploy reports that the deployment failed"
    assert.equal(failed, message({}, {}))
    assert.equal(failed .. ": boom", message({ errorMessage = "boom" }, {}))
    assert.equal("Dokploy cannot find the image a/b:1 (check STACK_IMAGE)",
      message({}, { "manifest unknown" }))
    support.stop()
  end)
end)
