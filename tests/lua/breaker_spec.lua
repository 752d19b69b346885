local support = require "support.engine"

describe("the breaker", function()
  local fake, breaker
  before_each(function()
    fake = support.start()
    breaker = require "lib.dokploy.breaker"
  end)
  after_each(support.stop)

  local function report(good, times, refused)
    for _ = 1, times do breaker.report(good, refused) end
  end

  local function open()
    report(false, 10)
    assert.equal("open", breaker.state().state)
  end

  it("lets everything through while calls succeed", function()
    report(true, 100)
    assert.equal(true, breaker.admit())
    assert.equal("closed", breaker.state().state)
  end)

  it("stays closed below ten calls, and below half", function()
    report(false, 9)
    assert.equal(true, breaker.admit())
    report(true, 11)
    report(false, 0)
    assert.equal("closed", breaker.state().state)
    assert.equal(9, breaker.state().failures)
  end)

  it("opens at half of the last twenty", function()
    report(true, 10)
    report(false, 9)
    assert.equal("closed", breaker.state().state)
    report(false, 1)
    assert.equal("open", breaker.state().state)
    assert.equal(false, breaker.admit())
  end)

  it("forgets what is older than twenty calls", function()
    report(false, 9)
    report(true, 20)
    report(false, 9)
    assert.equal("closed", breaker.state().state)
  end)

  it("opens sooner when it cannot even connect", function()
    report(false, 5, true)
    assert.equal("open", breaker.state().state)
  end)

  -- The server answered the look at it: one call is made, and its outcome reported.
  local function try_call(good)
    fake.now = math.max(fake.now, breaker.state().retry_at)
    assert.equal("probe", breaker.admit())
    breaker.half_open()
    breaker.report(good)
  end

  it("lets one caller look after three seconds, and closes when its call succeeds", function()
    open()
    fake.now = fake.now + 2
    assert.equal(false, breaker.admit())
    fake.now = fake.now + 1
    assert.equal("probe", breaker.admit())
    assert.equal(false, breaker.admit())
    assert.equal("open", breaker.state().state)
    breaker.half_open()
    assert.equal("half_open", breaker.state().state)
    breaker.report(true)
    assert.equal("closed", breaker.state().state)
    assert.equal(true, breaker.admit())
    assert.equal(0, breaker.state().failures)
  end)

  it("lets another caller look when the first one got lost", function()
    open()
    fake.now = fake.now + 3
    assert.equal("probe", breaker.admit())
    fake.now = fake.now + breaker.probe
    assert.equal("probe", breaker.admit())
  end)

  it("looks every three seconds while the server is away, however long that is", function()
    open()
    for _ = 1, 200 do
      fake.now = breaker.state().retry_at
      assert.equal("probe", breaker.admit())
      breaker.still_away()
      assert.is_true(breaker.state().is_away)
      assert.equal(3, breaker.state().retry_at - fake.now)
    end
    try_call(true)
    assert.same({ "closed", false }, { breaker.state().state, breaker.state().is_away })
  end)

  it("doubles its hold with each call that fails, up to five minutes", function()
    open()
    local holds = {}
    for i = 1, 9 do
      holds[i] = breaker.state().retry_at - fake.now
      try_call(false)
    end
    assert.same({ 3, 6, 12, 24, 48, 96, 192, 300, 300 }, holds)
  end)

  it("goes on doubling when it opens again soon, and not after a minute", function()
    local function hold_after(seconds)
      try_call(true)
      fake.now = fake.now + seconds
      open()
      return breaker.state().retry_at - fake.now
    end
    open()
    assert.same({ 6, 12, 3 }, { hold_after(10), hold_after(50), hold_after(60) })
  end)

  it("ignores calls that began before it opened", function()
    open()
    breaker.report(true)
    assert.equal("open", breaker.state().state)
  end)

  it("logs its changes, once each", function()
    open()
    report(false, 5)
    fake.now = fake.now + 3
    breaker.admit()
    breaker.still_away()
    try_call(true)
    local seen = {}
    for i, line in ipairs(fake.logged) do seen[i] = line.event end
    assert.same({ "breaker.open", "breaker.half_open", "breaker.closed" }, seen)
  end)
end)
