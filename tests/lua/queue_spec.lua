local queue = require "lib.queue"

local function entries(owners)
  local list = {}
  for owner in owners:gmatch("%a") do list[#list + 1] = { owner_id = owner, place = #list + 1 } end
  return list
end

local function order(waiting, running)
  local owners = {}
  for i, entry in ipairs(queue.order(entries(waiting), entries(running))) do owners[i] = entry.owner_id .. entry.place end
  return table.concat(owners, " ")
end

describe("the queue", function()
  it("serves in the order of coming", function()
    assert.equal("a1 b2 c3", order("abc", ""))
    assert.equal("a1 a2 a3", order("aaa", ""))
    assert.equal("", order("", "ab"))
  end)

  it("gives nobody a second place while others have none", function()
    assert.equal("a1 b4 a2 a3", order("aaab", ""))
    assert.equal("b3 a1 a2", order("aab", "a"))
    assert.equal("c4 a1 b2 a3", order("abac", "ab"))
  end)

  it("leaves its input alone", function()
    local waiting = entries "aab"
    queue.order(waiting, {})
    assert.equal(3, #waiting)
  end)

  it("knows the middle one", function()
    assert.is_nil(queue.median {})
    assert.equal(5, queue.median { 5 })
    assert.equal(5, queue.median { 9, 5, 1 })
    assert.equal(3, queue.median { 4, 2 })
  end)

  it("tells when the turn comes", function()
    assert.equal(30, queue.eta(1, 8, 30))
    assert.equal(30, queue.eta(8, 8, 30))
    assert.equal(60, queue.eta(9, 8, 30))
    assert.equal(90, queue.eta(3, 1, 29.9))
  end)
end)

describe("the progress bar", function()
  local steps = { { expect = 1 }, { expect = 2 }, { expect = 7 } }

  it("grows with the expected seconds and never says that it is done", function()
    assert.equal(0, queue.percent(steps, 1, 0))
    assert.equal(10, queue.percent(steps, 1, 1))
    assert.equal(20, queue.percent(steps, 2, 0.5))
    assert.equal(30, queue.percent(steps, 3, 0))
    assert.equal(99, queue.percent(steps, 3, 1))
    assert.equal(99, queue.percent(steps, 3, 5))
    assert.equal("integer", math.type(queue.percent(steps, 2, 0.33)))
  end)
end)
