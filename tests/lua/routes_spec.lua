-- The routes, with the engine and the journal behind them played.
local portal = require "support.portal"

local journal, engine, claimed, credentials, findings

local function load_routes(options)
  journal = { stacks_by_name = {}, operations = {}, last_delete = false }
  function journal.operation(id) return journal.operations[id] or false end
  function journal.stack(name) return journal.stacks_by_name[name] or false end
  local function deleted_by(owner_id) return journal.last_delete and journal.last_delete.owner_id == (owner_id or "me") and journal.last_delete end
  function journal.last(_, kind, owner_id) return kind == "delete" and deleted_by(owner_id) end
  function journal.volumes() return {} end
  function journal.events() return {} end
  function journal.idempotency() return false end
  engine = { asked = {} }
  function engine.deploy(request)
    engine.asked[#engine.asked + 1] = request
    return { id = "op1", name = request.name, url = "http://" .. request.name .. ".localhost:3100", owner_id = request.owner_id, template = request.template }
  end
  credentials = { generations = {}, invites = {}, links = {}, link_seconds = 600 }
  function credentials.generation(id) return credentials.generations[id] or 0 end
  function credentials.counts() return { owner = 0, network = 0, total = 0 } end
  function credentials.invite_state(code) return credentials.invites[code] or "unknown", "i1" end
  function credentials.origin_statement(...) return { "origin", ... } end
  function credentials.token(id, secret)
    local row = credentials.tokens and credentials.tokens[id]
    if not row or secret ~= "s" then return false, "key_invalid" end
    if row.bad then return false, row.bad end
    return row
  end
  claimed = {}
  findings = { kinds = { "vanished", "unknown", "in_error" }, rows = {} }
  function findings.counts() return findings.counted or { all = 0, vanished = 0, unknown = 0, in_error = 0 } end
  function findings.looked_at() return 1 end
  function findings.refresh() return true end
  function findings.page(which)
    findings.asked = which
    return findings.rows
  end
  function findings.get(id)
    for _, row in ipairs(findings.rows) do
      if row.id == id then return row end
    end
    return false
  end
  options = options or {}
  options.modules = {
    ["lib.journal"] = journal, ["lib.operations.engine"] = engine, steps = { { name = "project" }, { name = "health" } },
    ["lib.journal.reservations"] = { get = function(name) return claimed[name] and "claimed" or nil end },
    ["lib.operations.events"] = { is_last = function(event) return event == "ready" or event == "failed" end, channel = function(id, l) return id .. ":" .. l end,
      rendered = function() return {} end },
    ["lib.dokploy"] = { last = function() return engine.dokploy or { reachable = true, version = "0.30.2", at = 1 } end },
    ["lib.dokploy.breaker"] = { state = function() return engine.breaker or { state = "closed", failures = 0 } end },
    ["lib.auth.credentials"] = credentials, ["lib.operations.scheduler"] = {}, ["lib.workspaces.monitor"] = {},
    ["lib.journal.drift"] = findings, ["lib.workspaces.reconcile"] = { trouble = function() end, is_looking = function() return false end },
    ["lib.workspaces.drift_actions"] = { actions = function() return { "remove" } end }, ["lib.operations.purge"] = { kept = function() return engine.kept or {} end },
    ["lib.doctor.schedule"] = { last_report = function() end },
    ["lib.workspaces.sweeper"] = { count = function() return engine.left or 0 end },
  }
  local fakes = portal.start(options)
  fakes.task.run = function(_, fn, ...) return fn(...) end
  fakes.sse.subscribe = function(channel, how) return { status = 200, channel = channel, how = how } end
  require("lib.http.middleware").register()
  for _, name in ipairs {
    "health", "check", "deploy", "status", "stack", "owner", "admin", "drift", "change_events",
    "session", "admin_page", "admin_actions", "metrics", "openapi",
  } do require("routes." .. name) end
  return fakes
end

local function key_of(id) return require("lib.auth.identity").owner_key(id) end

describe("GET /api/check/:name", function()
  before_each(function() load_routes() end)

  it("says that a name is free", function()
    local reply = portal.ask("GET", "/api/check/Anna")
    assert.equal(200, reply.status)
    assert.same({ name = "anna", valid = true, available = true }, reply.doc)
  end)

  it("says that it is taken, and what is free", function()
    claimed.anna = true
    local doc = portal.ask("GET", "/api/check/anna", { headers = { ["Accept-Language"] = "nl" } }).doc
    assert.same({ true, false, "name_taken" }, { doc.valid, doc.available, doc.code })
    assert.equal(3, #doc.suggestions)
    assert.truthy(doc.detail:find("bezet") or doc.detail:find("al"))
  end)

  it("answers a bad name with why, and never with an error", function()
    for _, name in ipairs { "a", "admin", "x_y", ("a"):rep(33), "\xff\xfe", "-" } do
      local reply = portal.ask("GET", "/api/check/" .. name)
      assert.equal(200, reply.status)
      assert.is_false(reply.doc.valid)
      assert.is_false(reply.doc.available)
      assert.truthy(reply.doc.code == "name_invalid" or reply.doc.code == "name_reserved")
      assert.is_nil(reply.doc.detail:find("{", 1, true))
    end
  end)
end)

describe("POST /api/deploy", function()
  before_each(function() load_routes { secrets = { ADMIN_TOKEN = "admin-token" } } end)

  local function deploy(json, more)
    more = more or {}
    more.json = json
    return portal.ask("POST", "/api/deploy", more)
  end
  local function code_of(reply) return reply.status .. " " .. tostring(reply.doc.code) end

  it("is accepted with all that a client needs", function()
    local reply = deploy { name = " Anna " }
    assert.equal(202, reply.status)
    assert.equal("/api/status/op1", reply.headers.Location)
    assert.same({ "op1", "anna", "/api/status/op1", "default" }, { reply.doc.deploymentId, reply.doc.name, reply.doc.statusUrl, reply.doc.template })
    assert.equal(key_of(engine.asked[1].owner_id), reply.doc.ownerKey)
    assert.equal(2 << 30, engine.asked[1].memory_bytes)
    assert.truthy(engine.asked[1].image)
  end)

  it("belongs to the owner whose key it brings", function()
    local reply = deploy({ name = "anna" }, { key = key_of "me" })
    assert.equal("me", engine.asked[1].owner_id)
    assert.equal(key_of "me", reply.doc.ownerKey)
  end)

  it("is refused with a key that is nobody's", function()
    assert.equal("401 key_invalid", code_of(deploy({ name = "anna" }, { key = "own_x.y" })))
    assert.equal(0, #engine.asked)
  end)

  local bad = {
    { "no JSON", { body = "{", headers = { ["Content-Type"] = "application/json" } }, "400 json_invalid" },
    { "no body", { headers = { ["Content-Type"] = "application/json" } }, "400 json_invalid" },
    { "an array", { body = "[]", headers = { ["Content-Type"] = "application/json" } }, "400 json_invalid" },
    { "a list with things", { body = '["name"]', headers = { ["Content-Type"] = "application/json" } }, "400 json_invalid" },
    { "a text", { body = '"anna"', headers = { ["Content-Type"] = "application/json" } }, "400 json_invalid" },
    { "null", { body = "null", headers = { ["Content-Type"] = "application/json" } }, "400 json_invalid" },
    { "no type", { body = '{"name":"anna"}' }, "415 content_type" },
    { "text/plain", { body = '{"name":"anna"}', headers = { ["Content-Type"] = "text/plain" } }, "415 content_type" },
    { "an unknown field", { json = { name = "anna", nmae = "x" } }, "422 field_unknown" },
    { "no name", { body = "{}", headers = { ["Content-Type"] = "application/json" } }, "422 field_missing" },
    { "a number for a name", { json = { name = 5 } }, "422 field_type" },
    { "null for a name", { body = '{"name":null}', headers = { ["Content-Type"] = "application/json" } }, "422 field_type" },
    { "an object for a name", { json = { name = { a = 1 } } }, "422 field_type" },
    { "a malformed name", { json = { name = "a_b" } }, "422 name_invalid" },
    { "an empty name", { json = { name = "" } }, "422 name_invalid" },
    { "a reserved name", { json = { name = "Admin" } }, "422 name_reserved" },
    { "an unknown template", { json = { name = "anna", template = "huge" } }, "422 template_unknown" },
    { "another site", { json = { name = "anna" }, headers = { ["Sec-Fetch-Site"] = "cross-site" } }, "403 forbidden_origin" },
    { "a neighbour's page", { json = { name = "anna" }, headers = { ["Sec-Fetch-Site"] = "same-site" } }, "403 forbidden_origin" },
    { "another origin", { json = { name = "anna" }, headers = { Origin = "http://evil.example" } }, "403 forbidden_origin" },
    { "an empty Idempotency-Key", { json = { name = "anna" }, headers = { ["Idempotency-Key"] = "" } }, "400 idempotency_key_invalid" },
    { "one that is too long", { json = { name = "anna" }, headers = { ["Idempotency-Key"] = ("x"):rep(256) } }, "400 idempotency_key_invalid" },
  }
  for _, case in ipairs(bad) do
    it("with " .. case[1] .. " is refused before anything begins", function()
      local reply = portal.ask("POST", "/api/deploy", case[2])
      assert.equal(case[3], code_of(reply))
      assert.is_nil(reply.text:find(":{}", 1, true), "an empty list must be []")
      assert.equal(0, #engine.asked)
    end)
  end

  it("names the field that is wrong", function()
    assert.equal("nmae", deploy({ name = "anna", nmae = "x" }).doc.field)
    assert.truthy(deploy({ name = "anna", nmae = "x" }).doc.detail:find("nmae", 1, true))
    assert.equal("name", deploy({ name = "a_b" }).doc.field)
    assert.equal("template", deploy({ name = "anna", template = "huge" }).doc.field)
  end)

  it("takes null for what may be left out, and a type with a parameter", function()
    local headers = { ["Content-Type"] = "Application/JSON; charset=utf-8" }
    local reply = portal.ask("POST", "/api/deploy", { body = '{"name":"anna","template":null}', headers = headers })
    assert.equal(202, reply.status)
  end)

  it("words what the engine refuses", function()
    engine.deploy = function() return nil, "", "name_taken" end
    local taken = deploy { name = "anna" }
    assert.equal("409 name_taken", code_of(taken))
    assert.truthy(#taken.doc.suggestions > 0)
    engine.deploy = function() return nil, "", "queue_full", 12 end
    local full = deploy { name = "anna" }
    assert.equal("429 queue_full", code_of(full))
    assert.equal("12", full.headers["Retry-After"])
    engine.deploy = function() return nil, "", "idempotency_conflict" end
    assert.equal("409 idempotency_conflict", code_of(deploy { name = "anna" }))
    engine.deploy = function() return nil, "disk full", "journal" end
    assert.equal("503 journal", code_of(deploy { name = "anna" }))
    engine.deploy = function() return nil, "what", "surprise" end
    assert.equal("500 internal", code_of(deploy { name = "anna" }))
  end)

  it("takes a key for the meaning of the body, and for its owner only", function()
    local function ask(body, key)
      portal.ask("POST", "/api/deploy", { body = body, key = key, headers = { ["Content-Type"] = "application/json", ["Idempotency-Key"] = "k" } })
      return engine.asked[#engine.asked].idempotency
    end
    local one, two = ask '{"name":"anna"}', ask '{ "name" : " ANNA " , "template":"default"}'
    assert.same(one, two)
    assert.not_equal(one.body_hash, ask('{"name":"bert"}').body_hash)
    assert.not_equal(one.key, ask('{"name":"anna"}', key_of "me").key)
    assert.not_equal("k", one.key)
  end)

  it("is the admin's alone when access is closed", function()
    local fakes = load_routes { secrets = { ADMIN_TOKEN = "admin-token" } }
    fakes.config.access = "closed"
    assert.equal("403 access_closed", code_of(deploy { name = "anna" }))
    assert.equal("403 access_closed", code_of(deploy({ name = "anna" }, { key = key_of "me" })))
    assert.equal(202, deploy({ name = "anna" }, { key = "admin-token" }).status)
  end)
end)

describe("GET /api/status/:id", function()
  local op
  before_each(function()
    load_routes()
    op = { id = "op1", kind = "deploy", name = "anna", owner_id = "me", url = "http://anna.localhost", state = "running", step = "project", created_at = 1 }
    journal.operations.op1 = op
  end)
  local document = { headers = { Accept = "application/json" } }

  it("is a stream in the reader's language, from where the reader was", function()
    local reply = portal.ask("GET", "/api/status/op1?after=3&lang=nl")
    assert.equal("op1:nl", reply.channel)
    assert.equal(3, reply.how.last_id)
    assert.equal(7, portal.ask("GET", "/api/status/op1?after=3", { headers = { ["Last-Event-ID"] = "7" } }).how.last_id)
  end)

  it("is 204 when there is nothing more to come", function()
    op.ended_at = 5
    assert.equal(204, portal.ask("GET", "/api/status/op1?after=9").status)
  end)

  it("is 404 when nobody knows it, 422 when the position is nonsense, 503 when the journal does not answer", function()
    assert.equal("deployment_unknown", portal.ask("GET", "/api/status/other").doc.code)
    for _, after in ipairs { "-1", "abc", "1.5", ("9"):rep(30) } do
      local reply = portal.ask("GET", "/api/status/op1?after=" .. after)
      assert.equal(422, reply.status)
      assert.equal("after", reply.doc.field)
    end
    journal.operation = function() return nil, "gone", "journal" end
    assert.equal(503, portal.ask("GET", "/api/status/op1").status)
  end)

  it("is one document for who asks for JSON", function()
    journal.events = function()
      return {
        { seq = 1, event = "queued", at = 1, data = { position = 1, etaSeconds = 9 } },
        { seq = 2, event = "progress", at = 2, data = { step = "project", state = "running", percent = 3 } },
        { seq = 3, event = "progress", at = 4, data = { step = "project", state = "done", percent = 10 } },
        { seq = 4, event = "log", at = 5, data = { line = "x" } },
      }
    end
    local doc = portal.ask("GET", "/api/status/op1", document).doc
    assert.same({ "op1", "deploy", "anna", "running", 10, 4 }, { doc.deploymentId, doc.kind, doc.name, doc.state, doc.percent, doc.lastEventId })
    assert.same({ "project", "done" }, { doc.steps[1].step, doc.steps[1].state })
    assert.same({ "1970-01-01T00:00:02.000Z", "1970-01-01T00:00:04.000Z" }, { doc.steps[1].startedAt, doc.steps[1].endedAt })
    assert.same({ "health", "pending" }, { doc.steps[2].step, doc.steps[2].state })
    assert.is_nil(doc.position)
    assert.equal(portal.fakes.json.null, doc.result)
  end)

  it("has the last event as its result", function()
    op.state, op.ended_at = "ready", 9
    journal.events = function() return { { seq = 1, event = "ready", at = 9, data = { name = "anna", url = "u", openUrl = "o" } } } end
    local doc = portal.ask("GET", "/api/status/op1", document).doc
    assert.same({ 100, "ready", "u" }, { doc.percent, doc.state, doc.result.url })
  end)
end)

describe("POST /api/status/:id/cancel", function()
  before_each(function()
    load_routes { secrets = { ADMIN_TOKEN = "admin-token" } }
    journal.operations.op1 = { id = "op1", kind = "deploy", name = "anna", owner_id = "me", state = "running" }
    engine.cancel = function() return { state = "running", cancelled = true } end
  end)
  local function cancel(more, id) return portal.ask("POST", "/api/status/" .. (id or "op1") .. "/cancel", more) end

  it("is for the owner and the admin", function()
    assert.equal(202, cancel({ key = key_of "me" }).status)
    assert.equal(202, cancel({ key = "admin-token" }).status)
    assert.equal(401, cancel().status)
    assert.equal(401, cancel({ key = "wrong" }).status)
    assert.equal(403, cancel({ key = key_of "other" }).status)
    assert.equal(404, cancel({ key = key_of "me" }, "nope").status)
    assert.equal(403, cancel({ key = key_of "me", headers = { ["Sec-Fetch-Site"] = "cross-site" } }).status)
  end)

  it("says so when it changed nothing", function()
    engine.cancel = function() return { state = "ready", cancelled = false } end
    local reply = cancel { key = key_of "me" }
    assert.equal(202, reply.status)
    assert.same({ false, "ready" }, { reply.doc.cancelled, reply.doc.state })
    assert.truthy(#reply.doc.detail > 10)
  end)
end)

describe("a stack", function()
  before_each(function()
    load_routes { secrets = { ADMIN_TOKEN = "admin-token" } }
    journal.stacks_by_name.anna = { name = "anna", owner_id = "me", state = "ready", operation_id = "op1", url = "http://anna.localhost:3100",
      image = "i", template = "default", created_at = 1, volume = "v1" }
    engine.password = function() return "secret-password" end
    engine.delete = function(request) return { id = "del1", name = request.name, state = "deleting", data = request.data } end
  end)
  local function get(more) return portal.ask("GET", "/api/stack/anna", more) end

  it("is shown to its owner with the password", function()
    local doc = get({ key = key_of "me" }).doc
    assert.same({ "anna", "ready", "secret-password", "opencode", "v1", "1970-01-01T00:00:01.000Z" },
      { doc.name, doc.state, doc.password, doc.username, doc.volume, doc.createdAt })
    assert.equal("http://anna.localhost:3100/L3dvcmtzcGFjZQ/session", doc.openUrl)
  end)

  it("is shown to the admin without it, and without asking for it", function()
    engine.password = function() error "not to be asked" end
    assert.is_nil(get({ key = "admin-token" }).doc.password)
  end)

  it("is not there for anybody else", function()
    for _, key in ipairs { false, key_of "other", "own_x.y", "wrong" } do
      local reply = get { key = key or nil }
      assert.equal("404 stack_unknown", reply.status .. " " .. reply.doc.code)
      assert.equal(404, portal.ask("DELETE", "/api/stack/anna", { key = key or nil }).status)
    end
  end)

  it("says why there is no password, and shows the rest", function()
    local told = { dokploy_unreachable = "dokploy_unreachable", dokploy_refused = "dokploy_refused", timeout = "dokploy_unreachable" }
    for code, shown in pairs(told) do
      engine.password = function() return nil, "x", code end
      local reply = get { key = key_of "me" }
      assert.equal(200, reply.status)
      assert.is_nil(reply.doc.password)
      assert.equal(shown, reply.doc.passwordProblem.code)
      assert.is_nil(reply.doc.passwordProblem.detail:find("^password%."))
    end
  end)

  it("that is being made has its deployment's state", function()
    journal.stacks_by_name.anna.state = "deploying"
    journal.operations.op1 = { id = "op1", state = "rolling_back" }
    assert.equal("rolling_back", get({ key = key_of "me" }).doc.state)
  end)

  it("is deleted by its owner, the data kept unless asked", function()
    local asked
    engine.delete = function(request) asked = request return { id = "del1", name = "anna", state = "deleting" } end
    local reply = portal.ask("DELETE", "/api/stack/anna", { key = key_of "me" })
    assert.equal("202 /api/status/del1", reply.status .. " " .. reply.headers.Location)
    assert.same({ "anna", "keep", "owner" }, { asked.name, asked.data, asked.by })
    portal.ask("DELETE", "/api/stack/anna?data=delete", { key = "admin-token" })
    assert.same({ "delete", "admin" }, { asked.data, asked.by })
    assert.equal(422, portal.ask("DELETE", "/api/stack/anna?data=burn", { key = key_of "me" }).status)
    assert.equal(403, portal.ask("DELETE", "/api/stack/anna", { key = key_of "me", headers = { Origin = "http://anna.localhost:3100" } }).status)
  end)

  it("whose files were kept is rid of them by an operation of its own", function()
    journal.stacks_by_name.anna = nil
    journal.last_delete = { id = "del1", name = "anna", owner_id = "me", state = "deleted", params = { target = "op1" } }
    engine.kept = { { volume = "vol-anna", name = "anna", operation_id = "op1", reason = "kept" } }
    local purged
    engine.purge = function(name, owner_id)
      purged = name .. " " .. owner_id
      return { id = "purge1", name = name, state = "deleting" }
    end
    local function delete(query, key) return portal.ask("DELETE", "/api/stack/anna" .. query, { key = key or key_of "me" }) end
    assert.equal("/api/status/del1", delete("").doc.statusUrl)
    assert.is_nil(purged)
    assert.equal(404, delete("?data=delete", key_of "other").status)
    assert.is_nil(purged)
    assert.equal("/api/status/purge1", delete("?data=delete").doc.statusUrl)
    assert.equal("anna me", purged)
    purged, engine.kept = nil, {}
    assert.equal("/api/status/del1", delete("?data=delete").doc.statusUrl)
    assert.is_nil(purged)
  end)

  it("that its owner deleted gives the same operation again, to the owner only", function()
    journal.stacks_by_name.anna = nil
    journal.last_delete = { id = "del1", name = "anna", owner_id = "me", state = "deleted" }
    assert.equal("/api/status/del1", portal.ask("DELETE", "/api/stack/anna", { key = key_of "me" }).doc.statusUrl)
    assert.equal(404, portal.ask("DELETE", "/api/stack/anna", { key = key_of "other" }).status)
    assert.equal(404, portal.ask("DELETE", "/api/stack/anna").status)
    journal.stacks_by_name.anna = { name = "anna", owner_id = "other", operation_id = "op2", state = "ready" } -- and has the name now
    engine.kept = { { volume = "vol-anna" } }
    engine.purge = function(name, owner_id) return { id = "purge-of-" .. owner_id, name = name, state = "deleting" } end
    assert.equal("/api/status/purge-of-me", portal.ask("DELETE", "/api/stack/anna?data=delete", { key = key_of "me" }).doc.statusUrl)
  end)
end)

describe("GET /api/stacks", function()
  it("is paged, the admin's whole and the owner's own", function()
    load_routes { secrets = { ADMIN_TOKEN = "admin-token" } }
    local asked
    journal.stacks = function(which)
      asked = which
      local rows = {}
      for i = 1, 3 do rows[i] = { name = "n" .. i, owner_id = "me", state = "ready", operation_id = "o" .. i, created_at = i } end
      return rows
    end
    local doc = portal.ask("GET", "/api/stacks?limit=2&after=n0", { key = key_of "me" }).doc
    assert.same({ "n1", "n2", 2, "n2" }, { doc.stacks[1].name, doc.stacks[2].name, #doc.stacks, doc.next })
    assert.same({ "me", 3, "n0" }, { asked.owner_id, asked.limit, asked.after })
    doc = portal.ask("GET", "/api/stacks", { key = "admin-token" }).doc
    assert.is_nil(asked.owner_id)
    assert.equal(portal.fakes.json.null, doc.next)
    assert.equal(401, portal.ask("GET", "/api/stacks").status)
    for _, limit in ipairs { "0", "201", "x", "-1", "1e2" } do
      assert.equal(422, portal.ask("GET", "/api/stacks?limit=" .. limit, { key = key_of "me" }).status)
    end
  end)
end)

describe("GET /health", function()
  local fakes
  before_each(function() fakes = load_routes() end)
  local function codes()
    local list = {}
    for i, item in ipairs(portal.ask("GET", "/health").doc.degraded) do list[i] = item.code end
    return table.concat(list, " ")
  end

  it("is healthy when nothing is wrong", function()
    local reply = portal.ask("GET", "/health")
    assert.equal("200 healthy 0.0.0", reply.status .. " " .. reply.doc.status .. " " .. reply.doc.version)
  end)

  it("names each thing that is wrong, with 200", function()
    engine.dokploy = { reachable = false }
    engine.breaker = { state = "open", since = 1, retry_at = 31 }
    engine.left = 2
    findings.counted = { all = 3, vanished = 1, unknown = 2, in_error = 0 }
    fakes.server.infos.rejected = { file = "policy/names.lua", line = 7, message = "'=' expected", at = 1 }
    fakes.server.infos.store.trouble = "full"
    local reply = portal.ask("GET", "/health")
    assert.equal("200 degraded", reply.status .. " " .. reply.doc.status)
    assert.equal("journal edit_rejected dokploy_unreachable breaker_open leftovers findings", codes())
    for _, item in ipairs(reply.doc.degraded) do
      assert.is_nil(item.detail:find("^health%."), item.detail)
      assert.is_nil(item.detail:find("[{}]"), item.detail)
    end
    assert.same({ "policy/names.lua", 7 }, { reply.doc.degraded[2].file, reply.doc.degraded[2].line })
    assert.equal("1970-01-01T00:00:31.000Z", reply.doc.degraded[4].retryAt)
  end)

  it("tells a refused token from an unreachable server", function()
    engine.dokploy = { reachable = true, message = "dokploy_refused" }
    assert.equal("dokploy_refused", codes())
    engine.dokploy = { reachable = true, message = "not_found" }
    assert.equal("", codes())
    engine.dokploy = {}
    assert.equal("", codes())
  end)

  it("says how to open a closed portal", function()
    fakes.config.access = "closed"
    assert.truthy(portal.ask("GET", "/health").doc.access.detail:find("ACCESS=open", 1, true))
  end)
end)

describe("GET /ready", function()
  local fakes
  before_each(function() fakes = load_routes() end)

  it("is 200 also when Dokploy is away, and names it", function()
    engine.dokploy, engine.breaker = { reachable = false }, { state = "open" }
    local reply = portal.ask("GET", "/ready")
    assert.same({ 200, "unreachable", "open" }, { reply.status, reply.doc.dokploy, reply.doc.breaker })
  end)

  it("is 503 for the journal and for draining, by name", function()
    fakes.server.infos.store.trouble, fakes.server.infos.draining = "full", true
    local reply = portal.ask("GET", "/ready")
    assert.equal("503 not_ready", reply.status .. " " .. reply.doc.code)
    assert.same({ "journal", "draining" }, { reply.doc.failing[1], reply.doc.failing[2] })
  end)
end)
