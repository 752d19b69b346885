local fakes = require "support.portal"

local NOW = 1000000
local journal, begun, audited, portal

local function row(name, fields)
  local made = {
    name = name, shown = "ready", owner_id = "anna", template = "default", params = "{}",
    created_at = NOW - 30 * 86400, since = NOW - 86400,
  }
  for key, value in pairs(fields or {}) do made[key] = value end
  return made
end

before_each(function()
  begun, audited = {}, {}
  journal = { stacks = {} }
  fakes.start { modules = {
    ["lib.journal"] = journal,
    ["lib.journal.change_events"] = { changed = function() end },
    ["lib.auth.audit"] = { statement = function(entry)
      audited[#audited + 1] = entry
      return {}
    end },
    ["lib.base.outgoing"] = { request = function(options)
      return { status = 200, body = '{"ok":true}', headers = {}, sent = options }
    end },
    ["lib.operations.ctx"] = { owner_of = function(op) return { id = op.owner_id } end },
    ["lib.operations.accept"] = { begin = function(kind, on, options)
      if on.is_busy then return nil, "it is being worked on", "stack_busy" end
      begun[#begun + 1] = { kind = kind, name = on.name, reason = options.params.reason }
      options.also "op1"
      return { id = "op1", kind = kind, state = kind .. "ing", name = on.name }
    end },
  } }
  portal = require("lib.site.portal").of "hooks/test"
end)

it("portal.log always names the script that logs", function()
  local logged
  require("core.log").info = function(event, fields) logged = { event, fields } end
  portal.log("welcomed", { name = "anna", script = "hooks/another" })
  assert.same({ "welcomed", { name = "anna", script = "hooks/test" } }, logged)
end)

describe("portal.workspaces", function()
  local function names(filter)
    local list = {}
    for i, workspace in ipairs(portal.workspaces(filter)) do list[i] = workspace.name end
    return table.concat(list, " ")
  end

  it("gives every page of the list", function()
    local pages = { [false] = { { row "a" }, "a" }, a = { { row "b" }, "b" }, b = { { row "c" } } }
    journal.stacks.search = function(which)
      return table.unpack(pages[which.after or false], 1, 2)
    end
    assert.equal("a b c", names())
  end)

  it("takes those that were not used for some time", function()
    journal.stacks.search = function()
      return {
        row("used", { used_at = NOW - 3600 }), row("old", { used_at = NOW - 8 * 86400 }),
        row "never", row("small", { template = "small", used_at = NOW - 9 * 86400 }),
      }
    end
    assert.equal("old small", names { idle_for = "7 days" })
    assert.equal("used old never small", names { idle_for = 3600 })
    assert.equal("old never small", names { idle_for = "1 day" })
    assert.equal("small", names { template = "small" })
    for _, wrong in ipairs { { idle_for = "a while" }, { idle_for = -1 }, { stat = "ready" } } do
      assert.has_error(function() portal.workspaces(wrong) end)
    end
  end)
end)

describe("the state in portal.workspaces", function()
  it("is one of those that a workspace can have", function()
    journal.stacks.search = function(which) return { row("a", { shown = which.state }) } end
    for _, state in ipairs { "ready", "failed", "running", "rolling_back", "stopping" } do
      assert.equal(state, portal.workspaces({ state = state })[1].state)
    end
    local known = "asleep, deleting, failed, falling_asleep, queued, ready, redeploying, "
      .. "restarting, restoring, rolling_back, rotating, running, starting, stopped, stopping, "
      .. "unhealthy, waking"
    for _, wrong in ipairs { "redy", "deleted", "cancelled" } do
      assert.has_error(function() portal.workspaces { state = wrong } end,
        ("portal.workspaces: unknown state %s (known: %s)"):format(wrong, known))
    end
  end)
end)

describe("an act of a script", function()
  it("is begun and audited with its reason", function()
    journal.stacks.get = function(name) return { name = name } end
    local op = portal.stop("anna", "night")
    assert.same({ id = "op1", kind = "stop", state = "stoping", name = "anna" }, op)
    assert.same({ { kind = "stop", name = "anna", reason = "night" } }, begun)
    local entry = audited[1]
    assert.same({ kind = "script", name = "hooks/test" }, entry.who)
    assert.same({ "stop", "anna", "night", true },
      { entry.action, entry.name, entry.rule, entry.allowed })
  end)

  it("needs a reason", function()
    assert.has_error(function() portal.stop "anna" end,
      "portal.stop(name, reason): say why, in a text")
  end)

  it("is refused when the workspace is busy or unknown", function()
    journal.stacks.get = function(name) return name == "busy" and { is_busy = true } end
    assert.same({ n = 3, nil, "it is being worked on", "stack_busy" },
      table.pack(portal.start("busy", "morning")))
    assert.same({ n = 3, nil, "there is no workspace none", "stack_unknown" },
      table.pack(portal.redeploy("none", "a new image")))
    assert.same({}, audited)
  end)
end)

describe("portal.note", function()
  it("takes a text, or one for each language, and nil", function()
    local set = {}
    journal.stacks.get = function(name) return { name = name, operation_id = "d1" } end
    journal.stacks.set_note = function(_, note) set[#set + 1] = note or "none" return true end
    assert.is_true(portal.note("anna", "Hello"))
    assert.is_true(portal.note("anna", { nl = "Hoi" }))
    assert.is_true(portal.note("anna", nil))
    assert.same({ '{"":"Hello"}', '{"nl":"Hoi"}', "none" }, set)
    for _, wrong in ipairs { 5, { 5 }, { en = 5 }, ("x"):rep(1001), "\xff" } do
      assert.has_error(function() portal.note("anna", wrong) end)
    end
  end)
end)

describe("a hook's portal", function()
  local stack, operations
  before_each(function()
    stack = { name = "anna", owner_id = "anna", operation_id = "d1" }
    operations = {
      d1 = { id = "d1", name = "anna", owner_id = "anna", params = {} },
      stop = { id = "stop", name = "anna", owner_id = "anna", params = { target = "d1" } },
      r1 = { id = "r1", name = "anna", owner_id = "anna", params = { target = "d1" } },
      d2 = { id = "d2", name = "anna", owner_id = "anna", params = {} },
      mallory = { id = "mallory", name = "anna", owner_id = "mallory", params = {} },
    }
    journal.stacks.get = function(name) return name == stack.name and stack end
    journal.stacks.set_note = function() return true end
    journal.operations = { get = function(id) return operations[id] or false end }
  end)

  local function codes(operation_id, name)
    local acts = require("lib.site.portal").of("hooks/test", { operation = { id = operation_id } })
    local _, _, note = acts.note(name or "anna", "Hello")
    local _, _, stop = acts.stop(name or "anna", "night")
    return { note or "done", stop or "done" }
  end

  it("reaches the workspace that its event is about, also after a rebuild", function()
    assert.same({ "done", "done" }, codes "d1")
    assert.same({ "done", "done" }, codes "stop")
    stack.operation_id = "r1"
    for _, id in ipairs { "d1", "stop", "r1" } do assert.same({ "done", "done" }, codes(id)) end
  end)

  it("reaches no other one", function()
    for _, id in ipairs { "d2", "mallory", "none" } do
      assert.same({ "gone", "gone" }, codes(id))
    end
    assert.same({ "gone", "gone" }, codes("d1", "bob"))
    stack.name = "bob"
    assert.same({ "gone", "gone" }, codes "d1")
    assert.same({ "gone", "gone" }, codes("d1", "bob"))
  end)
end)

describe("portal.http", function()
  it("sends and receives JSON", function()
    local response = portal.http {
      url = "https://chat.example.com", json = { text = "hi" }, headers = { ["X-Key"] = "1" },
    }
    assert.same({ ok = true }, response.json)
    assert.same({
      url = "https://chat.example.com", method = "POST", body = '{"text":"hi"}', timeout = 15,
      headers = { ["Content-Type"] = "application/json", ["X-Key"] = "1" },
    }, response.sent)
  end)
end)
