local engine = require "support.engine"

describe("what is being decided", function()
  local deciding, credentials, shared, fake

  before_each(function()
    credentials = {}
    function credentials.counts() return { owner = 1, network = 2, total = 3 } end
    function credentials.invite_state(_, more) return more < 1 and "good" or "used_up", "i1" end
    fake = engine.start { config = {}, modules = { ["lib.auth.credentials"] = credentials } }
    deciding, shared = require "lib.auth.deciding", require "core.shared"
  end)

  local anna = { owner_id = "anna", network = "10.0.0.0/24", code = "inv_1" }

  it("counts what the journal has, and the others that are on their way", function()
    local first = deciding.begin(anna, true)
    assert.same({ owner = 1, network = 2, total = 3 }, first:stacks())
    local second = deciding.begin({ owner_id = "bob", network = "10.0.0.0/24" }, true)
    assert.same({ owner = 1, network = 3, total = 4 }, second:stacks())
    first:done()
    assert.same({ owner = 1, network = 2, total = 3 }, second:stacks())
  end)

  it("counts a use of an invite that is being decided", function()
    local first, second = deciding.begin(anna, false), deciding.begin(anna, false)
    assert.equal("used_up", (second:invite()))
    first:done()
    assert.equal("good", (second:invite()))
  end)

  it("counts nobody twice, and forgets who is done or leaves", function()
    do
      local one <close> = deciding.begin(anna, true)
      one:done()
      one:done()
    end
    do
      local _ <close> = deciding.begin(anna, true)
    end
    assert.same({}, shared.keys "deciding ")
  end)

  it("counts over the turn of a minute", function()
    fake.now = 60 * 1000 - 1
    local first = deciding.begin(anna, true)
    fake.now = 60 * 1000
    local second = deciding.begin(anna, true)
    assert.same({ owner = 2, network = 3, total = 4 }, second:stacks())
    first:done()
    assert.same({ owner = 1, network = 2, total = 3 }, second:stacks())
    second:done()
    assert.same({}, shared.keys "deciding ")
  end)

  it("forgets who never told of his end", function()
    deciding.begin(anna, true)
    local next_one = deciding.begin(anna, true)
    assert.equal("used_up", (next_one:invite()))
    next_one:done()
    fake.now = fake.now + 120
    local later = deciding.begin(anna, true)
    assert.same({ owner = 1, network = 2, total = 3 }, later:stacks())
    assert.equal("good", (later:invite()))
    later:done()
    assert.same({}, shared.keys "deciding ")
  end)

  it("is not confused by one that took longer than it is remembered", function()
    local slow = deciding.begin(anna, true)
    fake.now = fake.now + 500
    assert.same({ owner = 1, network = 2, total = 3 }, slow:stacks())
    slow:done()
    assert.same({}, shared.keys "deciding ")
  end)

  it("counts no stacks where there are no quotas", function()
    credentials.counts = function() error "asked" end
    assert.same({}, deciding.begin({ network = "n" }, false):stacks())
  end)
end)
