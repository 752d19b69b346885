local support = require "support.engine"

-- A Dokploy whose things are there until they are deleted; `overrides` replace functions.
local function dokploy_with(things, overrides)
  local calls, double = {}, {}
  local function answer(name, ...)
    calls[#calls + 1] = name
    if overrides[name] then return overrides[name](...) end
  end
  local function read(id)
    if things[id] then return things[id] end
    return nil, "not found", "not_found"
  end
  local function remove(id)
    things[id] = nil
    return true
  end
  local functions = {
    clean_queue = function() return true end,
    is_deploying = function() return false end,
    application_delete = remove,
    application_one = read,
    project_one = read,
    project_remove = remove,
    projects_described = function() return {} end,
    containers = function() return {} end,
    tasks = function() return {} end,
    volume_remove = function() return true end,
  }
  for name, default in pairs(functions) do
    double[name] = function(_, ...)
      local first, message, code = answer(name, ...)
      if first ~= nil or code then return first, message, code end
      return default(...)
    end
  end
  return double, calls
end

local function row(kind, id, more)
  local made = { kind = kind, key = "", id = id, state = "created", data = {} }
  for key, value in pairs(more or {}) do made[key] = value end
  return made
end

describe("undoing", function()
  local undo, settled
  before_each(function()
    settled = {}
    local function settle(_, kind, _, state)
      settled[#settled + 1] = kind .. " " .. state
      return true
    end
    support.start { modules = { ["lib.journal"] = { resources = { settle = settle } } } }
    undo = require "lib.operations.undo"
  end)
  after_each(support.stop)

  local function work(resources, overrides, things)
    local application = { applicationId = "a", description = "tag", appName = "stack-x" }
    local project = { projectId = "p", environments = { { applications = { application } } } }
    things = things or { p = project, a = { applicationId = "a", appName = "stack-x" } }
    local double, calls = dokploy_with(things, overrides or {})
    -- An application that is deleted is no longer in its project.
    local delete = double.application_delete
    double.application_delete = function(self, id)
      project.environments[1].applications = {}
      return delete(self, id)
    end
    local job = { id = "op", tag = "tag", resources = resources, dokploy = double }
    function job.report() end
    return job, calls
  end

  local function whole()
    return {
      row("project", "p"), row("application", "a", { data = { ids = { app_name = "stack-x" } } }),
      row("volume", nil, { key = "vol", state = "intended" }), row("mount", "m"),
      row("domain", "d"), row("deployment", "t", { key = "1" }),
    }
  end

  local function index(calls, name)
    for i, call in ipairs(calls) do
      if call == name then return i end
    end
    error(name .. " was not called")
  end

  local function is_not_called(calls, name)
    for _, call in ipairs(calls) do assert.is_not.equal(name, call) end
  end

  it("removes in the order that Dokploy needs", function()
    local order = {}
    for i, entry in ipairs(undo.order(whole())) do order[i] = entry.kind end
    assert.same({ "application", "deployment", "domain", "mount", "project", "volume" }, order)
    local job, calls = work(whole())
    assert.is_true(undo.run(job))
    assert.truthy(index(calls, "is_deploying") < index(calls, "application_delete"))
    assert.truthy(index(calls, "application_delete") < index(calls, "application_one"))
    assert.truthy(index(calls, "application_one") < index(calls, "containers"))
    assert.truthy(index(calls, "tasks") < index(calls, "project_remove"))
    assert.truthy(index(calls, "project_remove") < index(calls, "volume_remove"))
    assert.same({}, undo.leftovers(job))
  end)

  it("waits until no deployment of it runs, twice in a row", function()
    local seen = { false, true, true, false, false }
    local job, calls = work(whole(), { is_deploying = function() return table.remove(seen, 1) end })
    assert.is_true(undo.run(job))
    assert.equal(0, #seen)
    assert.truthy(index(calls, "application_delete"))
  end)

  it("does not delete an application whose deployment never ends", function()
    local job, calls = work(whole(), { is_deploying = function() return true end })
    local clean, _, reason = undo.run(job)
    assert.is_nil(clean)
    assert.equal("running", reason)
    is_not_called(calls, "application_delete")
    local kinds = {}
    for i, leftover in ipairs(undo.leftovers(job)) do kinds[i] = leftover.kind end
    assert.same({ "application", "project", "volume" }, kinds)
  end)

  it("waits for the containers, and reports the application while they run", function()
    local up = { { state = "running" } }
    local job = work(whole(), { containers = function() return up end })
    local _, _, reason = undo.run(job)
    assert.equal("containers", reason)
    up = { { state = "exited" } }
    assert.is_true(undo.run(job))
  end)

  it("takes what is gone already as removed", function()
    assert.is_true(undo.run((work(whole(), nil, {}))))
  end)

  it("leaves a project alone that holds anything of others", function()
    local foreign = { applicationId = "b", description = "of others", appName = "b" }
    for _, more in ipairs { { compose = { {} } }, { applications = { foreign } } } do
      local job, calls = work(whole(), nil, { p = { projectId = "p", environments = { more } } })
      local _, _, reason = undo.run(job)
      assert.equal("not_ours", reason)
      is_not_called(calls, "project_remove")
    end
  end)

  it("finds by its tag what was made without an answer", function()
    local lost = { projectId = "q", environments = { { applications = {} } } }
    local things = { q = lost }
    local overrides = { projects_described = function(tag)
      assert.equal("tag", tag)
      return things.q and { lost } or {}
    end }
    local job = work({ row("project", nil, { state = "intended" }) }, overrides, things)
    assert.is_true(undo.run(job))
    assert.is_nil(things.q)
  end)

  it("proves by a second delete that a thing is gone which cannot be read", function()
    local deletes = 0
    local function delete()
      deletes = deletes + 1
      return deletes > 1 and "gone" or true
    end
    local function read() return nil, "broken", "dokploy_error" end
    local overrides = { application_one = read, application_delete = delete }
    assert.is_true(undo.run((work(whole(), overrides))))
    assert.equal(2, deletes)
  end)

  it("never touches a volume that is kept", function()
    local resources = whole()
    resources[3].state = "kept"
    local job, calls = work(resources)
    assert.is_true(undo.run(job))
    is_not_called(calls, "volume_remove")
  end)

  it("has no volume to remove when nothing was ever deployed", function()
    local job, calls = work { row("volume", nil, { key = "vol", state = "intended" }) }
    assert.is_true(undo.run(job))
    is_not_called(calls, "volume_remove")
  end)

  it("waits for a volume in use, and reports one that this Dokploy cannot remove", function()
    local tries = 0
    local job = work(whole(), { volume_remove = function()
      tries = tries + 1
      if tries < 4 then return nil, "volume is in use", "in_use" end
      return true
    end })
    assert.is_true(undo.run(job))
    assert.equal(4, tries)
    local function unable() return nil, "none", "no_such_call" end
    job = work(whole(), { volume_remove = unable })
    assert.is_true(undo.run(job))
    assert.equal("vol", job.unable)
    assert.equal("volume kept", settled[#settled])
  end)

  it("reports why something is left", function()
    local reasons = {
      dokploy_unreachable = "unreachable", dokploy_refused = "refused", dokploy_error = "error",
    }
    for code, expected in pairs(reasons) do
      local job = work(whole(), { application_delete = function() return nil, "no", code end })
      local _, _, reason = undo.run(job)
      assert.equal(expected, reason)
      assert.equal(expected, undo.leftovers(job)[1].reason)
    end
  end)
end)
