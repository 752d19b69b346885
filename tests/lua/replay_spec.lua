-- Past decisions tried with other policies.
local portal = require "support.portal"

local function past(id, who, action, what)
  return { id = id, at = id, who = who, action = action, what = what }
end

local function decisions()
  local list = {}
  for id = 1, 20 do
    list[id] = past(id, { kind = "visitor", network = "192.0.2.0/24" }, "deploy",
      { mode = "open", name = "name-" .. id, now = { hour = id, weekday = 1 } })
  end
  list[21] = past(21, { kind = "owner", id = "a" }, "delete", { mode = "open", owner_id = "a" })
  list[22] = past(22, { kind = "visitor" }, "name", { mode = "open", name = "intranet" })
  return list
end

local workspaces = {
  { name = "anna", owner_id = "a", template = "default" },
  { name = "project-x", owner_id = "user.b", template = "large" },
}

-- The module with the files of a site.
local function with(site, templates)
  portal.start { parts = site, modules = {
    ["lib.policy.templates"] = {
      all = function()
        local list = {}
        for id, template in pairs(templates) do
          list[#list + 1] = { id = id, memory = template.memory, env = template.env }
        end
        return list
      end,
    },
  } }
  return require "lib.site.replay"
end

local both = { default = { memory = 2 }, large = { memory = 8, env = { A = "1", B = "2" } } }

local function compare(site, templates)
  local before = with({ ["policy/names"] = { words = { "intranet" } } }, both)
    .outcomes(decisions(), workspaces)
  return with(site, templates or both).compare(before, decisions(), workspaces)
end

describe("a replay", function()
  local reserved = { words = { "intranet" } }

  it("finds nothing when nothing changes", function()
    local result = compare { ["policy/names"] = reserved }
    assert.same({ 22, 0 }, { result.decisions, result.changed })
    assert.same({ {}, {}, {}, {} },
      { result.changes, result.names, result.templates, result.faults })
  end)

  it("shows each changed decision with the rule before and after", function()
    local result = compare {
      ["policy/names"] = reserved,
      ["policy/access"] = { rules = { { name = "opening_hours", before = "mode",
        decide = function(_, action, what)
          if action == "deploy" and what.now.hour >= 18 then return false, "too_late" end
        end } } },
    }
    assert.equal(3, result.changed)
    assert.same({ 18, 19, 20 },
      { result.changes[1].id, result.changes[2].id, result.changes[3].id })
    assert.same({ result = "yes", rule = "mode" }, result.changes[1].before)
    assert.same({ result = "too_late", rule = "opening_hours" }, result.changes[1].after)
    assert.equal("name-18", result.changes[1].name)
  end)

  it("shows names that exist and would be refused, and refused ones that would not", function()
    local result = compare { ["policy/names"] = { prefixes = { "project-" } } }
    assert.same({ { name = "project-x", code = "name_reserved" } }, result.names)
    assert.equal(1, result.changed)
    assert.same({ "name_reserved", "yes" },
      { result.changes[1].before.result, result.changes[1].after.result })
  end)

  it("shows templates in use that are gone or changed", function()
    local result = compare({}, { default = { memory = 4 } })
    assert.same({
      { id = "default", workspaces = 1, change = "changed" },
      { id = "large", workspaces = 1, change = "gone" },
    }, result.templates)
  end)

  it("shows rules that fail, by their place", function()
    local result = compare {
      ["policy/names"] = reserved,
      ["policy/access"] = { rules = { { name = "broken", before = "owner",
        decide = function(who) if who.kind == "owner" then return who.id.x.y end end } } },
    }
    assert.equal(1, result.changed)
    assert.same({ result = "policy_failed", rule = "broken" }, result.changes[1].after)
    assert.truthy(result.faults[1].where:find "replay_spec.lua:%d+$")
  end)

  it("takes less than two seconds for ten thousand decisions", function()
    local many, began = {}, os.clock()
    for i = 1, 10000 do
      many[i] = past(i, { kind = "visitor" }, "deploy", { mode = "open", name = "name-" .. i })
    end
    with({}, both).outcomes(many, {})
    assert.truthy(os.clock() - began < 2, os.clock() - began)
  end)
end)
