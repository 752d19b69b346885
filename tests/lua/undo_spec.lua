local support = require "support.engine"

-- A Dokploy of which each thing is there until it is deleted; `says` changes what a function returns.
local function dokploy_with(things, says)
  local calls, double = {}, {}
  local function answer(name, ...)
    calls[#calls + 1] = name
    if says[name] then return says[name](...) end
  end
  local function missing() return nil, "not found", "not_found" end
  local functions = {
    clean_queue = function() return true end,
    is_deploying = function() return false end,
    application_delete = function(id) things[id] = nil return true end,
    application_one = function(id) if things[id] then return things[id] end return missing() end,
    project_one = function(id) if things[id] then return things[id] end return missing() end,
    project_remove = function(id) things[id] = nil return true end,
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

describe("taking things away", function()
  local undo, marks
  before_each(function()
    marks = {}
    local journal = { resources = { settle = function(_, kind, _, state) marks[#marks + 1] = kind .. " " .. state return true end } }
    support.start { modules = { ["lib.journal"] = journal } }
    undo = require "lib.operations.undo"
  end)
  after_each(support.stop)

  local function work(resources, says, things)
    local project = { projectId = "p", environments = { { applications = { { applicationId = "a", description = "mark", appName = "stack-x" } } } } }
    local double, calls = dokploy_with(things or { p = project, a = { applicationId = "a", appName = "stack-x" } }, says or {})
    -- An application that is deleted is no longer in its project.
    local delete = double.application_delete
    double.application_delete = function(self, id)
      project.environments[1].applications = {}
      return delete(self, id)
    end
    return { id = "op", tag = "mark", resources = resources, dokploy = double, report = function() end }, calls
  end

  local function whole()
    return {
      row("project", "p"), row("application", "a", { data = { ids = { app_name = "stack-x" } } }), row("volume", nil, { key = "vol", state = "intended" }),
      row("mount", "m"), row("domain", "d"), row("deployment", "t", { key = "1" }),
    }
  end

  local function place(calls, name)
    for i, call in ipairs(calls) do if call == name then return i end end
    error(name .. " was not called")
  end

  it("goes in the order that Dokploy needs", function()
    local order = {}
    for i, entry in ipairs(undo.order(whole())) do order[i] = entry.kind end
    assert.same({ "application", "deployment", "domain", "mount", "project", "volume" }, order)
    local job, calls = work(whole())
    assert.is_true(undo.run(job))
    assert.truthy(place(calls, "is_deploying") < place(calls, "application_delete"))
    assert.truthy(place(calls, "application_delete") < place(calls, "application_one"))
    assert.truthy(place(calls, "application_one") < place(calls, "containers"))
    assert.truthy(place(calls, "tasks") < place(calls, "project_remove"))
    assert.truthy(place(calls, "project_remove") < place(calls, "volume_remove"))
    assert.same({}, undo.leftovers(job))
  end)

  it("waits until no deployment of it runs, twice in a row", function()
    local seen = { false, true, true, false, false }
    local job, calls = work(whole(), { is_deploying = function() return table.remove(seen, 1) end })
    assert.is_true(undo.run(job))
    assert.equal(0, #seen)
    assert.truthy(place(calls, "application_delete"))
  end)

  it("does not delete an application whose deployment never ends", function()
    local job, calls = work(whole(), { is_deploying = function() return true end })
    local clean, _, reason = undo.run(job)
    assert.is_nil(clean)
    assert.equal("running", reason)
    for _, call in ipairs(calls) do assert.is_not.equal("application_delete", call) end
    assert.same({ "application", "project", "volume" }, { undo.leftovers(job)[1].kind, undo.leftovers(job)[2].kind, undo.leftovers(job)[3].kind })
  end)

  it("waits for the containers, and names the application while they run", function()
    local up = { { state = "running" } }
    local job = work(whole(), { containers = function() return up end })
    local _, _, reason = undo.run(job)
    assert.equal("containers", reason)
    up = { { state = "exited" } }
    assert.is_true(undo.run(job))
  end)

  it("takes what is gone already as done", function()
    assert.is_true(undo.run((work(whole(), nil, {}))))
  end)

  it("leaves a project alone that holds something of others", function()
    for _, more in ipairs { { compose = { {} } }, { applications = { { applicationId = "b", description = "of others", appName = "b" } } } } do
      local job, calls = work(whole(), nil, { p = { projectId = "p", environments = { more } } })
      local _, _, reason = undo.run(job)
      assert.equal("not_ours", reason)
      for _, call in ipairs(calls) do assert.is_not.equal("project_remove", call) end
    end
  end)

  it("finds by its mark what was made without an answer", function()
    local lost = { projectId = "q", environments = { { applications = {} } } }
    local things = { q = lost }
    local says = { projects_described = function(mark)
      assert.equal("mark", mark)
      return things.q and { lost } or {}
    end }
    local job = work({ row("project", nil, { state = "intended" }) }, says, things)
    assert.is_true(undo.run(job))
    assert.is_nil(things.q)
  end)

  it("proves by a second delete what cannot be read", function()
    local deletes = 0
    local says = {
      application_one = function() return nil, "broken", "dokploy_error" end,
      application_delete = function() deletes = deletes + 1 return deletes > 1 and "gone" or true end,
    }
    assert.is_true(undo.run((work(whole(), says))))
    assert.equal(2, deletes)
  end)

  it("never touches a volume that is kept", function()
    local resources = whole()
    resources[3].state = "kept"
    local job, calls = work(resources)
    assert.is_true(undo.run(job))
    for _, call in ipairs(calls) do assert.is_not.equal("volume_remove", call) end
  end)

  it("has no volume to remove when nothing was ever deployed", function()
    local job, calls = work { row("volume", nil, { key = "vol", state = "intended" }) }
    assert.is_true(undo.run(job))
    for _, call in ipairs(calls) do assert.is_not.equal("volume_remove", call) end
  end)

  it("waits for a volume in use, and tells one that this Dokploy cannot remove", function()
    local tries = 0
    local job = work(whole(), { volume_remove = function()
      tries = tries + 1
      if tries < 4 then return nil, "volume is in use", "in_use" end
      return true
    end })
    assert.is_true(undo.run(job))
    assert.equal(4, tries)
    job = work(whole(), { volume_remove = function() return nil, "none", "no_such_call" end })
    assert.is_true(undo.run(job))
    assert.equal("vol", job.unable)
    assert.equal("volume kept", marks[#marks])
  end)

  it("says why something is left", function()
    for code, expected in pairs { dokploy_unreachable = "unreachable", dokploy_refused = "refused", dokploy_error = "error" } do
      local job = work(whole(), { application_delete = function() return nil, "no", code end })
      local _, _, reason = undo.run(job)
      assert.equal(expected, reason)
      assert.equal(expected, undo.leftovers(job)[1].reason)
    end
  end)
end)
