local diff = require "lib.workspaces.diff"

local function project(id, operation, applications, name)
  return { id = id, name = name or "anna", operation_id = operation, owner_id = "me", applications = applications or {} }
end
local function application(id, status, operation) return { id = id, status = status, operation_id = operation } end
local function stack(more)
  local row = { name = "anna", owner_id = "me", operation_id = "op", state = "ready", project_id = "p", application_id = "a" }
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

local function told(seen, stacks, busy)
  local list = {}
  for i, one in ipairs(diff.between(seen, stacks, busy or {})) do
    list[i] = table.concat({ one.kind, one.thing, one.name, one.part }, " ")
  end
  return list
end

describe("what the journal and Dokploy do not agree on", function()
  local whole = project("p", "op", { application("a", "done", "op") })

  it("is nothing when they do", function()
    assert.same({}, told({ whole }, { stack() }))
    assert.same({}, told({}, {}))
  end)

  it("is a stack whose project or application is gone", function()
    assert.same({ "vanished op anna project" }, told({}, { stack() }))
    assert.same({ "vanished op anna application" }, told({ project("p", "op") }, { stack() }))
    assert.same({ "vanished op anna application" }, told({ project("p", "op", { application("other", "done") }) }, { stack() }))
    for _, state in ipairs { "stopped", "unhealthy" } do assert.same({ "vanished op anna project" }, told({}, { stack { state = state } })) end
  end)

  it("is an application that Dokploy could not start, unless it is stopped on purpose", function()
    local failed = project("p", "op", { application("a", "error", "op") })
    assert.same({ "in_error op anna" }, told({ failed }, { stack() }))
    assert.same({ "in_error op anna" }, told({ failed }, { stack { state = "unhealthy" } }))
    assert.same({}, told({ failed }, { stack { state = "stopped" } }))
    for _, status in ipairs { "idle", "running", "done" } do
      assert.same({}, told({ project("p", "op", { application("a", status, "op") }) }, { stack() }))
    end
  end)

  it("is a project with our mark that no record knows, also a second one of a stack's own deploy", function()
    assert.same({ "unknown q bert project" }, told({ whole, project("q", "other", {}, "bert") }, { stack() }))
    assert.same({ "unknown q anna project" }, told({ whole, project("q", "op") }, { stack() }))
  end)

  it("is an application with our mark beside the one in the record; what has no mark is nobody's business", function()
    local two = project("p", "op", { application("a", "done", "op"), application("b", "done", "op"), application("c", "error") })
    assert.same({ "unknown b anna application" }, told({ two }, { stack() }))
  end)

  it("is told by id, also when somebody changed the description", function()
    assert.same({}, told({ { id = "p", applications = { application("a", "done") } } }, { stack() }))
    assert.same({}, told({ { id = "q", applications = {} } }, {}))
  end)

  it("is told once, also when a page of the list repeats a project", function()
    local stray = project("q", "other", {}, "bert")
    assert.same({ "unknown q bert project" }, told({ whole, stray, whole, stray }, { stack() }))
  end)

  it("is nothing about what somebody works on", function()
    assert.same({}, told({}, { stack() }, { op = true }))
    assert.same({}, told({ project("q", "new", {}, "bert") }, {}, { new = true }))
    assert.same({}, told({ project("p", "op", { application("a", "error", "op"), application("b", "idle", "op") }) }, { stack() }, { op = true }))
  end)

  it("is each of many things", function()
    local seen = { whole, project("x", "x", {}, "xena"), project("e", "eop", { application("ea", "error", "eop") }, "erna") }
    local stacks = { stack(), stack { name = "erna", operation_id = "eop", project_id = "e", application_id = "ea" },
      stack { name = "vera", operation_id = "vop", project_id = "v", application_id = "va" } }
    assert.same({ "unknown x xena project", "in_error eop erna", "vanished vop vera project" }, told(seen, stacks))
  end)
end)

describe("the mark", function()
  local support = require "support.engine"
  local tag
  before_each(function()
    support.start()
    tag = require "lib.dokploy.tag"
  end)
  after_each(support.stop)

  it("is read as it was written", function()
    local op = { name = "anna-2", id = "0f3a", owner_id = "T_x-y.z" }
    assert.same(op, tag.read(tag.of(op)))
  end)

  it("of anything else is none", function()
    for _, text in ipairs { "", "ai-stack-deployer", "ai-stack-deployer name=a operation=b owner=c", "ai-stack-deployer name=../x operation=b owner=c",
      "ai-stack-deployer name=anna operation=b owner=c and more", " ai-stack-deployer name=anna operation=b owner=c",
      "ai-stack-deployer name=anna operation=b owner=c/d", "ai-stack-deployer name=anna\noperation=b owner=c" } do
      assert.is_nil(tag.read(text), text)
    end
    assert.is_nil(tag.read(nil))
    assert.is_nil(tag.read({}))
  end)
end)
