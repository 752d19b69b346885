local engine = require "support.engine"

describe("admission of deployments", function()
  local admission, stacks, shared, fake

  before_each(function()
    local credentials = {}
    function credentials.invite_state(_, pending)
      return pending < 1 and "good" or "used_up", "i1"
    end
    stacks = { count = function() return { owner = 1, network = 2, total = 3 } end }
    fake = engine.start { config = {}, modules = {
      ["lib.auth.credentials"] = credentials, ["lib.journal.stacks"] = stacks,
    } }
    admission, shared = require "lib.auth.admission", require "core.shared"
  end)

  local anna = { owner_id = "anna", network = "10.0.0.0/24", code = "inv_1" }

  it("counts the journal's workspaces and concurrent decisions", function()
    local first = admission.begin(anna)
    assert.same({ owner = 1, network = 2, total = 3 }, first:stacks())
    local second = admission.begin({ owner_id = "bob", network = "10.0.0.0/24" })
    assert.same({ owner = 1, network = 3, total = 4 }, second:stacks())
    first:finish()
    assert.same({ owner = 1, network = 2, total = 3 }, second:stacks())
  end)

  it("counts concurrent uses of an invite", function()
    local first, second = admission.begin(anna), admission.begin(anna)
    assert.equal("used_up", (second:invite()))
    first:finish()
    assert.equal("good", (second:invite()))
  end)

  it("counts a decision once, until it finishes or its scope ends", function()
    do
      local one <close> = admission.begin(anna)
      one:finish()
      one:finish()
    end
    do
      local _ <close> = admission.begin(anna)
    end
    assert.same({}, shared.keys "admission ")
  end)

  it("counts across a minute boundary", function()
    fake.now = 60 * 1000 - 1
    local first = admission.begin(anna)
    fake.now = 60 * 1000
    local second = admission.begin(anna)
    assert.same({ owner = 2, network = 3, total = 4 }, second:stacks())
    first:finish()
    assert.same({ owner = 1, network = 2, total = 3 }, second:stacks())
    second:finish()
    assert.same({}, shared.keys "admission ")
  end)

  it("forgets decisions that never finished", function()
    admission.begin(anna)
    local next_one = admission.begin(anna)
    assert.equal("used_up", (next_one:invite()))
    next_one:finish()
    fake.now = fake.now + 120
    local later = admission.begin(anna)
    assert.same({ owner = 1, network = 2, total = 3 }, later:stacks())
    assert.equal("good", (later:invite()))
    later:finish()
    assert.same({}, shared.keys "admission ")
  end)

  it("copes with a decision that outlives its count", function()
    local slow = admission.begin(anna)
    fake.now = fake.now + 500
    assert.same({ owner = 1, network = 2, total = 3 }, slow:stacks())
    slow:finish()
    assert.same({}, shared.keys "admission ")
  end)

  it("counts whether there are quotas or not: rules may use the counts", function()
    stacks.count = function() return { owner = 0, network = 2, total = 3 } end
    assert.same({ owner = 0, network = 2, total = 3 },
      admission.begin({ network = "n" }):stacks())
  end)
end)
