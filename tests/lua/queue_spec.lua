local queue = require "lib.operations.queue"

local function entries(owners)
  local list = {}
  for owner in owners:gmatch("%a") do list[#list + 1] = { owner_id = owner, index = #list + 1 } end
  return list
end

local function order(waiting, running)
  local owners = {}
  for i, entry in ipairs(queue.order(entries(waiting), entries(running))) do
    owners[i] = entry.owner_id .. entry.index
  end
  return table.concat(owners, " ")
end

describe("the queue", function()
  it("serves in the order of arrival", function()
    assert.equal("a1 b2 c3", order("abc", ""))
    assert.equal("a1 a2 a3", order("aaa", ""))
    assert.equal("", order("", "ab"))
  end)

  it("gives nobody a second slot while others have none", function()
    assert.equal("a1 b4 a2 a3", order("aaab", ""))
    assert.equal("b3 a1 a2", order("aab", "a"))
    assert.equal("c4 a1 b2 a3", order("abac", "ab"))
  end)

  it("does not start over with an owner who just had a turn", function()
    local waiting = {
      { owner_id = "a", created_at = 1 }, { owner_id = "a", created_at = 2 },
      { owner_id = "b", created_at = 5 },
    }
    local function owners(ended)
      local list = {}
      for i, entry in ipairs(queue.order(waiting, {}, ended)) do list[i] = entry.owner_id end
      return table.concat(list)
    end
    assert.equal("baa", owners { a = 9 })
    assert.equal("aba", owners { a = 4 }, "b came after that")
    assert.equal("aba", owners { a = 9, b = 10 })
  end)

  it("leaves its input alone", function()
    local waiting = entries "aab"
    queue.order(waiting, {})
    assert.equal(3, #waiting)
  end)

  it("knows the median", function()
    assert.is_nil(queue.median {})
    assert.equal(5, queue.median { 5 })
    assert.equal(5, queue.median { 9, 5, 1 })
    assert.equal(3, queue.median { 4, 2 })
  end)

  local function starts(...) return table.concat(queue.starts(...), " ") end

  it("estimates a start by the ends of those before it", function()
    assert.equal("0 0 0", starts(3, { 5 }, 8, 30))
    assert.equal("5 20 28 35", starts(4, { 2, 25, 10 }, 3, 30))
    assert.equal("30 60 90", starts(3, { 0 }, 1, 29.9))
    assert.equal("", starts(0, { 1 }, 1, 30))
  end)

  it("gives one that is late half its time again", function()
    assert.equal("20 50", starts(2, { 40 }, 1, 30))
    assert.equal("150 180", starts(2, { 300 }, 1, 30))
  end)

  it("takes a slot to be held as long as it is lately", function()
    assert.equal(45, queue.hold({}, {}, 45))
    assert.equal(14, queue.hold({ 14, 14, 14 }, { 3, 5 }, 45))
    local slow_since_three = { 60, 50, 40, 14, 14, 14, 14, 14, 14 }
    assert.equal(40, queue.hold(slow_since_three, {}, 45))
    assert.equal(30, queue.hold({ 14, 14, 14 }, { 30, 30, 31 }, 45), "most of them are late")
    assert.equal(14, queue.hold({ 14, 14, 14 }, { 300, 1, 2 }, 45), "one is stuck")
  end)

  -- Deploys that used to take 14 seconds take 45, because many are started at once.
  it("does not promise three seconds to those that wait for 45", function()
    for age = 14, 44 do
      local ages = { age, age, age, age }
      local promised = queue.starts(1, ages, 4, queue.hold({ 14, 14, 14, 14, 14 }, ages, 45))[1]
      assert.truthy(promised >= 7, ("%d s at %d s"):format(promised, age))
    end
  end)

  it("has fewer free slots when the limit was lowered, and more when it was raised", function()
    assert.equal("20 30 50", starts(3, { 25, 20, 10, 0 }, 2, 30))
    assert.equal("0 0 5", starts(3, { 25 }, 3, 30))
  end)

  it("counts the jobs before ours in Dokploy's own queue", function()
    assert.equal("30 40 50", starts(3, { 20, 20, 20 }, 3, 30, { each = 10, ahead = 2 }))
    assert.equal("10 10 40", starts(3, { 20, 20 }, 2, 30, { each = 5, ahead = 0 }))
    assert.equal("0", starts(1, {}, 2, 30, { each = 10, ahead = 9 }), "a free slot is free")
  end)
end)

describe("the progress bar", function()
  local steps = { { expect = 1 }, { expect = 2 }, { expect = 7 } }

  it("grows with the expected seconds and never reaches 100", function()
    assert.equal(0, queue.percent(steps, 1, 0))
    assert.equal(10, queue.percent(steps, 1, 1))
    assert.equal(20, queue.percent(steps, 2, 0.5))
    assert.equal(30, queue.percent(steps, 3, 0))
    assert.equal(99, queue.percent(steps, 3, 1))
    assert.equal(99, queue.percent(steps, 3, 5))
    assert.equal("integer", math.type(queue.percent(steps, 2, 0.33)))
  end)
end)
