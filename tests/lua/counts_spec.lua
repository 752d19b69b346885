local support = require "support.engine"

describe("the counters", function()
  local added
  before_each(function()
    added = {}
    local metrics = { declare = function() end, observe = function() end }
    function metrics.add(name, n, ...)
      local series = table.concat({ name, ... }, " ")
      added[series] = (added[series] or 0) + n
    end
    support.start { modules = { ["core.metrics"] = metrics } }
  end)
  after_each(support.stop)

  it("have a series for each code of a failure from the start", function()
    require "lib.base.counts"
    local text = assert(io.open "locales/en.json"):read "a"
    local count = 0
    for code in text:gmatch '"failure%.([%l_]+)%.detail"' do
      local result = code == "cancelled" and "cancelled" or "failed"
      assert.equal(0, added["deployer_deployments_total " .. result .. " " .. code], code)
      count = count + 1
    end
    assert.truthy(count > 10)
  end)

  it("have a series for each call to Dokploy and each result from the start", function()
    require "lib.dokploy"
    local text = assert(io.open "scripts/lib/dokploy/init.lua"):read "a"
    local others, count = { lib = true, core = true, dokploy = true }, 0
    for family, name in text:gmatch '"(%a+)%.(%a+)"' do
      for _, result in ipairs(others[family] and {} or { "ok", "dokploy_unreachable" }) do
        local series = ("deployer_dokploy_requests_total %s.%s %s"):format(family, name, result)
        assert.equal(0, added[series], series)
        count = count + 1
      end
    end
    assert.truthy(count > 40)
  end)
end)

describe("a failure as an error", function()
  local attempt = require "lib.base.attempt"

  it("is returned where it is caught, with all that came with it", function()
    local function work()
      attempt.try(true, "first")
      attempt.try(nil, "no", "code", { seconds = 3 })
      error "not reached"
    end
    assert.same({ nil, "no", "code", { seconds = 3 } }, { attempt.catch(work) })
  end)

  it("does not hide a success, false or another error", function()
    assert.same({ false, "why" }, { attempt.catch(attempt.try, false, "why") })
    local ok, message = pcall(attempt.catch, error, "a bug", 0)
    assert.is_false(ok)
    assert.equal("a bug", message)
  end)
end)
