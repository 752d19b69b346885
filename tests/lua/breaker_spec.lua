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

  it("lets one probe out after thirty seconds, and closes when it succeeds", function()
    open()
    fake.now = fake.now + 29
    assert.equal(false, breaker.admit())
    fake.now = fake.now + 1
    assert.equal("probe", breaker.admit())
    assert.equal(false, breaker.admit())
    assert.equal("half_open", breaker.state().state)
    breaker.report(true)
    assert.equal("closed", breaker.state().state)
    assert.equal(true, breaker.admit())
    assert.equal(0, breaker.state().failures)
  end)

  it("lets another probe out when the first one got lost", function()
    open()
    fake.now = fake.now + 30
    assert.equal("probe", breaker.admit())
    fake.now = fake.now + breaker.probe
    assert.equal("probe", breaker.admit())
  end)

  it("doubles its hold with each failed probe, up to five minutes, and resets it", function()
    open()
    local holds = {}
    for i = 1, 6 do
      holds[i] = breaker.state().retry_at - os.time()
      fake.now = breaker.state().retry_at
      assert.equal("probe", breaker.admit())
      breaker.report(false)
    end
    assert.same({ 30, 60, 120, 240, 300, 300 }, holds)
    fake.now = breaker.state().retry_at
    breaker.admit()
    breaker.report(true)
    open()
    assert.equal(30, breaker.state().retry_at - os.time())
  end)

  it("ignores calls that began before it opened", function()
    open()
    breaker.report(true)
    assert.equal("open", breaker.state().state)
  end)

  it("logs its changes, once each", function()
    open()
    report(false, 5)
    fake.now = fake.now + 30
    breaker.admit()
    breaker.report(true)
    local seen = {}
    for i, line in ipairs(fake.logged) do seen[i] = line.event end
    assert.same({ "breaker.open", "breaker.half_open", "breaker.closed" }, seen)
  end)
end)
