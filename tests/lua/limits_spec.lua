local portal = require "support.portal"

describe("limits", function()
  -- lib.policy.limits with an installation's own; `edit` changes the shipped table.
  local function load(own, is_production, edit)
    portal.start { modules = { ["lib.base.site"] = { part = function() return own end } } }
    require("core.config").production = is_production
    local shipped = require "policy.limits"
    if edit then edit(shipped) end
    return require "lib.policy.limits"
  end

  local function refuses(text, own, edit)
    local ok, message = pcall(load, own, true, edit)
    assert.is_false(ok)
    assert.truthy(tostring(message):find(text, 1, true), message)
  end

  it("are those of the environment", function()
    assert.same({ 5, 60 }, { load(nil, true).quotas.owner, load(nil, true).rates.check[1] })
    assert.is_nil(load(nil, false).quotas.owner)
  end)

  it("of an installation are merged over them key by key", function()
    local found = load({ page = 10, quotas = { owner = 2 }, rates = { check = { 3, 60 } },
      classes = { ["/api/motd"] = "check" } }, true)
    assert.same({ 10, 200, 2, 20, 160 }, { found.page, found.page_max, found.quotas.owner,
      found.quotas.network, found.quotas.site })
    assert.same({ { 3, 60 }, { 240, 60 } }, { found.rates.check, found.rates.read })
    assert.equal("check", found.class("GET", "/api/motd"))
    assert.is_false(found.class("GET", "/health"))
  end)

  it("hold in production and development alike when they are not divided", function()
    local own = { quotas = { owner = 2 }, rest = 60 }
    assert.same({ 2, 60 }, { load(own, false).quotas.owner, load(own, false).rest })
    own = { quotas = { production = { owner = 2 } } }
    assert.same({ 2 }, { load(own, true).quotas.owner })
    assert.is_nil(load(own, false).quotas.owner)
  end)

  it("can be lifted with false", function()
    local found = load({ quotas = { owner = false, network = false } }, true)
    assert.is_nil(found.quotas.owner)
    assert.is_nil(found.quotas.site)
  end)

  it("give the members of a group their own quota, the largest of several", function()
    local found = load({ quotas = { groups = {
      students = { owner = 1 }, staff = { owner = 10 }, board = { owner = false },
    } } }, true)
    local function owner(...) return found.quotas_of({ groups = { ... } }).owner end
    assert.same({ 5, 1, 10, 5 }, { found.quotas_of({}).owner, owner "students",
      owner("students", "staff"), owner "strangers" })
    assert.is_nil(owner("staff", "board"))
    assert.equal(500, found.quotas_of({ groups = { "staff" } }).total)
  end)

  it("are refused with file, key and cure", function()
    local start = "site/policy/limits.lua: "
    refuses(start .. 'quotas.owner: invalid value "five" (write a whole number from 0',
      { quotas = { owner = "five" } })
    refuses(start .. 'quotas.owner: invalid value "-1"', { quotas = { owner = -1 } })
    refuses(start .. 'quotas.production.owner: invalid value "-1"',
      { quotas = { production = { owner = -1 } } })
    refuses(start .. "quotas.onwer: unknown key (known here: groups, network, owner, total)",
      { quotas = { onwer = 1 } })
    refuses(start .. "quotas.groups.staff.total: unknown key (known here: owner)",
      { quotas = { groups = { staff = { total = 1 } } } })
    refuses(start .. 'rates.check: invalid value "{ ... }" (write { how many, in how many',
      { rates = { check = { 1 } } })
    refuses(start .. "rates.chekc: unknown key", { rates = { chekc = { 1, 1 } } })
    refuses(start .. 'classes./x: invalid value "slow" (write false or the name of a class',
      { classes = { ["/x"] = "slow" } })
    refuses(start .. "is not a table", 7)
  end)

  it("are complete in the shipped file", function()
    refuses("scripts/policy/limits.lua: page_max: is missing", nil,
      function(shipped) shipped.page_max = nil end)
    refuses("scripts/policy/limits.lua: rates.production.deploy: is missing", nil,
      function(shipped) shipped.rates.production.deploy = nil end)
    refuses("scripts/policy/limits.lua: rest.development: is missing", nil,
      function(shipped) shipped.rest = {} end)
  end)
end)
