local support = require "support.engine"
local diff = require "lib.workspaces.diff"
local tag = require "lib.dokploy.tag"

local function project(id, operation, applications, name)
  return {
    id = id, name = name or "anna", operation_id = operation, owner_id = "me",
    applications = applications or {},
  }
end

local function application(id, status, operation)
  return { id = id, status = status, operation_id = operation }
end

local function stack(more)
  local row = {
    name = "anna", owner_id = "me", operation_id = "op", state = "ready", project_id = "p",
    application_id = "a",
  }
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

local function found(seen, stacks, busy)
  local list = {}
  for i, one in ipairs(diff.between(seen, stacks, busy or {})) do
    list[i] = table.concat({ one.kind, one.thing, one.name, one.part }, " ")
  end
  return list
end

describe("drift", function()
  local whole = project("p", "op", { application("a", "done", "op") })
  local other = project("q", "other", {}, "bert")

  it("is empty when the journal and Dokploy agree", function()
    assert.same({}, found({ whole }, { stack() }))
    assert.same({}, found({}, {}))
  end)

  it("is a workspace whose project or application is gone", function()
    local elsewhere = project("p", "op", { application("other", "done") })
    assert.same({ "vanished op anna project" }, found({}, { stack() }))
    assert.same({ "vanished op anna application" }, found({ project("p", "op") }, { stack() }))
    assert.same({ "vanished op anna application" }, found({ elsewhere }, { stack() }))
    for _, state in ipairs { "stopped", "unhealthy" } do
      assert.same({ "vanished op anna project" }, found({}, { stack { state = state } }))
    end
  end)

  it("is an application that Dokploy could not start, unless it is stopped on purpose", function()
    local failed = project("p", "op", { application("a", "error", "op") })
    assert.same({ "in_error op anna" }, found({ failed }, { stack() }))
    assert.same({ "in_error op anna" }, found({ failed }, { stack { state = "unhealthy" } }))
    assert.same({}, found({ failed }, { stack { state = "stopped" } }))
    for _, status in ipairs { "idle", "running", "done" } do
      local seen = project("p", "op", { application("a", status, "op") })
      assert.same({}, found({ seen }, { stack() }))
    end
  end)

  it("is a project of ours that no record has, also a second one of a deploy", function()
    assert.same({ "unknown q bert project" }, found({ whole, other }, { stack() }))
    local second = project("q", "op")
    assert.same({ "unknown q anna project" }, found({ whole, second }, { stack() }))
  end)

  it("is an application with our tag beside the one in the record", function()
    local two = project("p", "op", {
      application("a", "done", "op"), application("b", "done", "op"), application("c", "error"),
    })
    assert.same({ "unknown b anna application" }, found({ two }, { stack() }))
  end)

  it("is decided by id, also when somebody changed the description", function()
    local changed = { id = "p", applications = { application("a", "done") } }
    assert.same({}, found({ changed }, { stack() }))
    assert.same({}, found({ { id = "q", applications = {} } }, {}))
  end)

  it("is reported once, also when a page of the list repeats a project", function()
    local seen = { whole, other, whole, other }
    assert.same({ "unknown q bert project" }, found(seen, { stack() }))
  end)

  it("leaves out what is being worked on", function()
    assert.same({}, found({}, { stack() }, { op = true }))
    assert.same({}, found({ project("q", "new", {}, "bert") }, {}, { new = true }))
    local seen = project("p", "op", {
      application("a", "error", "op"), application("b", "idle", "op"),
    })
    assert.same({}, found({ seen }, { stack() }, { op = true }))
  end)

  it("is each of many", function()
    local seen = {
      whole, project("x", "x", {}, "xena"),
      project("e", "eop", { application("ea", "error", "eop") }, "erna"),
    }
    local stacks = {
      stack(),
      stack { name = "erna", operation_id = "eop", project_id = "e", application_id = "ea" },
      stack { name = "vera", operation_id = "vop", project_id = "v", application_id = "va" },
    }
    assert.same({
      "unknown x xena project", "in_error eop erna", "vanished vop vera project",
    }, found(seen, stacks))
  end)
end)

describe("the tag", function()
  before_each(function() support.start() end)
  after_each(support.stop)

  it("is read as it was written", function()
    local op = { name = "anna-2", id = "0f3a", owner_id = "T_x-y.z" }
    assert.same(op, tag.read(tag.of(op)))
  end)

  it("is nil for any other text", function()
    local others = {
      "", "ai-stack-deployer", "ai-stack-deployer name=a operation=b owner=c",
      "ai-stack-deployer name=../x operation=b owner=c",
      "ai-stack-deployer name=anna operation=b owner=c and more",
      " ai-stack-deployer name=anna operation=b owner=c",
      "ai-stack-deployer name=anna operation=b owner=c/d",
      "ai-stack-deployer name=anna\noperation=b owner=c",
    }
    for _, text in ipairs(others) do assert.is_nil(tag.read(text), text) end
    assert.is_nil(tag.read(nil))
    assert.is_nil(tag.read({}))
  end)
end)
