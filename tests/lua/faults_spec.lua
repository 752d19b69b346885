-- Mistakes that show at run time: how they are grouped, counted and kept.
local support = require "support.engine"

describe("faults", function()
  local fake, faults
  before_each(function()
    fake = support.start()
    fake.core.server.now = function() return fake.now end
    faults = require "lib.site.faults"
  end)
  after_each(support.stop)

  local function wheres()
    local list = {}
    for i, fault in ipairs(faults.list()) do list[i] = fault.where .. " " .. fault.count end
    return list
  end

  it("are one entry for each line, with a count, the latest first", function()
    for i = 1, 3 do
      faults.note { kind = "rule", message = "site/policy/access.lua:7: bad", request = "r" .. i }
    end
    fake.now = fake.now + 1
    faults.note { kind = "handler", message = "site/routes/motd.lua:2: bad" }
    assert.same({ "site/routes/motd.lua:2 1", "site/policy/access.lua:7 3" }, wheres())
    assert.equal("r3", faults.list()[2].request)
  end)

  it("are placed at the first Lua line when the message has none", function()
    local trace = "invalid value\nstack traceback:\n\t[C]: in function 'table.concat'\n"
      .. "\tsite/hooks/chat.lua:12: in function 'run'\n\tscripts/lib/site/hooks.lua:40: in ..."
    local where = faults.note { kind = "hook", name = "chat", message = trace }
    assert.equal("site/hooks/chat.lua:12", where)
    assert.equal("invalid value", faults.list()[1].message)
    assert.equal(trace, faults.list()[1].traceback)
    assert.equal("step wait", (faults.note { kind = "step", name = "wait", message = "broken" }))
  end)

  it("are forgotten after an hour, and counted within it", function()
    faults.note { kind = "rule", message = "site/a.lua:1: bad" }
    fake.now = fake.now + 3000
    faults.note { kind = "rule", message = "site/a.lua:1: bad" }
    assert.same({ "site/a.lua:1 2" }, wheres())
    fake.now = fake.now + 1200
    assert.same({ "site/a.lua:1 1" }, wheres())
    fake.now = fake.now + 3601
    assert.same({}, wheres())
  end)

  it("are forgotten with the text of their file", function()
    local files = { ["a.lua"] = "old", ["lib/b.lua"] = "old", ["c.lua"] = "old" }
    package.loaded["core.site"].read = function(path) return files[path] end
    local sources = { "site/a.lua:1", "site/lib/b.lua:1", "site/c.lua:1", "scripts/a.lua:1" }
    for _, where in ipairs(sources) do
      fake.now = fake.now - 1
      faults.note { kind = "rule", message = where .. ": bad" }
    end
    faults.forget_changed(files)
    assert.equal(4, #faults.list())
    faults.forget_changed { ["a.lua"] = "new", ["lib/b.lua"] = "old" }
    assert.same({ "site/lib/b.lua:1 1", "scripts/a.lua:1 1" }, wheres())
  end)

  it("are bounded: the one met longest ago makes room", function()
    for line = 1, 60 do
      fake.now = fake.now + 1
      faults.note { kind = "rule", message = ("site/a.lua:%d: bad"):format(line) }
    end
    local list = faults.list()
    assert.equal(50, #list)
    assert.same({ "site/a.lua:60", "site/a.lua:11" }, { list[1].where, list[50].where })
  end)

  it("take any bytes", function()
    faults.note { kind = "rule", message = "site/a.lua:1: \xff\xfe" }
    assert.equal("site/a.lua:1: ??", faults.list()[1].message)
  end)

  it("in a row are reported once, at the third, and a success begins again", function()
    local reported = {}
    faults.on_persistent(function(reason) reported[#reported + 1] = reason end)
    local streak = faults.streak()
    streak:add "a"
    streak:add "b"
    streak:reset()
    for _, reason in ipairs { "c", "d", "e", "f" } do streak:add(reason) end
    assert.same({ "e" }, reported)
  end)
end)
