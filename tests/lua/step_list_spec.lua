local step_list = require "lib.operations.step_list"

local function done() return true end

local function step(name, more)
  local made = { name = name, run = done }
  for key, value in pairs(more or {}) do made[key] = value end
  return made
end

local function part(name, value)
  return { name = name, file = ("site/steps/%s.lua"):format(name), value = value }
end

-- The order of first, second and third with these parts.
local function arranged(...)
  return step_list.arrange({ step "first", step "second", step "third", deadline = 60 }, { ... })
end

local function names(...)
  local list = {}
  for i, each in ipairs(arranged(...)) do list[i] = each.name end
  return table.concat(list, " ")
end

describe("the order of steps", function()
  it("is that of the shipped list, with an installation's own in their places", function()
    assert.equal("first second third", names())
    assert.equal("first second dns third", names(part("dns", { after = "second", run = done })))
    assert.equal("first dns second third", names(part("dns", { before = "second", run = done })))
    assert.equal("first second third dns", names(part("dns", { after = "third", run = done })))
  end)

  it("is by name where several have one neighbour", function()
    assert.equal("first a b second third", names(part("a", { after = "first", run = done }),
      part("b", { after = "first", run = done })))
    assert.equal("a b first second third", names(part("a", { before = "first", run = done }),
      part("b", { before = "first", run = done })))
  end)

  it("follows a neighbour that is an installation's own", function()
    assert.equal("first z a second third", names(part("a", { after = "z", run = done }),
      part("z", { after = "first", run = done })))
  end)

  it("fills in what a step does not say", function()
    local own = arranged(part("dns", { after = "third", run = done }))[4]
    assert.same({ "dns", 90, 1, false, "site/steps/dns.lua" },
      { own.name, own.deadline, own.expect, own.optional, own.file })
  end)
end)

describe("a step is refused", function()
  local function refuses(text, ...)
    local ok, message = pcall(arranged, ...)
    assert.is_false(ok)
    assert.truthy(tostring(message):find(text, 1, true), message)
  end

  local make = { kind = "dns_record", make = done, find = done, after = "first" }
  local cases = {
    ["misspelt key"] = { { after = "first", runn = done },
      "site/steps/dns.lua: runn: unknown key (known here: after, ahead, before, claim, deadline" },
    ["no table"] = { 7, "site/steps/dns.lua: must return a table" },
    ["no work"] = { { after = "first" }, "site/steps/dns.lua: needs either run, or kind, make" },
    ["half of a resource"] = { { after = "first", kind = "dns", find = function() end },
      "needs either run, or kind, make and find; missing: make" },
    ["wrong type"] = { { after = "first", run = "go" },
      'site/steps/dns.lua: run: invalid value "go" (write a function)' },
    ["no place"] = { { run = done }, 'after: write either after = "NAME" or before = "NAME"' },
    ["two places"] = { { run = done, after = "first", before = "third" }, "before: write either" },
    ["unknown place"] = { { run = done, after = "firts" },
      'site/steps/dns.lua: after: there is no step "firts" (steps: first, second, third)' },
    ["taken name"] = { { name = "first", run = done, after = "second" },
      'name: "first" is the name of the step in scripts/steps/first.lua' },
    ["kind of its own without undo"] = { make, "site/steps/dns.lua: undo: is missing" },
    ["the engine's kind"] = { { kind = "project", make = done, find = done, after = "first" },
      'kind: "project" is made by the shipped steps' },
    ["deadline of no number"] = { { run = done, after = "first", deadline = "soon" },
      'deadline: invalid value "soon" (write a number' },
  }
  for name, case in pairs(cases) do
    it("for a " .. name, function() refuses(case[2], part("dns", case[1])) end)
  end

  it("when two wait for each other", function()
    refuses('site/steps/a.lua: after: "b" waits for a, b in turn', part("a", { after = "b",
      run = done }), part("b", { after = "a", run = done }))
  end)

  it("when the shipped list has no deadline, or one of its steps a mistake", function()
    local function arrange(list) return pcall(step_list.arrange, list) end
    assert.is_false(arrange { step "first" })
    local ok, message = arrange { step("first", { runn = done }), deadline = 60 }
    assert.is_false(ok)
    assert.truthy(message:find("scripts/steps/first.lua: runn: unknown key", 1, true))
  end)
end)

describe("calling a step", function()
  local dns = { name = "dns", file = "site/steps/dns.lua", deadline = 90 }

  local function call(part_name, ...)
    local results = table.pack(...)
    dns[part_name] = function() return table.unpack(results, 1, results.n) end
    return step_list.call(dns, part_name)
  end

  it("passes on what fits", function()
    assert.is_true(call("run", true))
    assert.same({ id = "r1" }, call("make", { id = "r1" }))
    assert.is_false(call("find", false))
    assert.same({ n = 4, nil, "no zone", "dns_down", { zone = "x" } },
      table.pack(call("run", nil, "no zone", "dns_down", { zone = "x" })))
  end)

  it("names the step, its file and the cure when a function returns nothing", function()
    local wanted = { run = "true when", make = "a table", find = "a table", undo = "true" }
    for name, returned in pairs(wanted) do
      local value, message, code = call(name)
      assert.is_nil(value)
      assert.equal("script_error", code)
      local start = ("step dns: its function %s in site/steps/dns.lua returned nothing (it must "
        .. "return %s"):format(name, returned)
      assert.equal(start, message:sub(1, #start))
    end
    assert.truthy(select(2, call("make", true)):find("returned true", 1, true))
    assert.truthy(select(2, call("make", "r1")):find("returned a string", 1, true))
    assert.truthy(select(2, call("run", false)):find("returned false", 1, true))
  end)

  it("says where it stopped, in the step's own file if it can", function()
    local trace = "scripts/lib/x.lua:3: bad\nstack traceback:\n\tsite/steps/dns.lua:12: in run"
    local sentence, where = step_list.explain(dns, trace, "failed")
    assert.equal("site/steps/dns.lua:12", where)
    assert.equal("step dns stopped at site/steps/dns.lua:12: scripts", sentence:sub(1, 50))
    assert.equal("step dns (site/steps/dns.lua) did not end within its deadline of 90 s",
      (step_list.explain(dns, "the deadline has passed", "timeout")))
    assert.equal("no zone", (step_list.explain(dns, "no zone", "dns_down")))
  end)
end)
