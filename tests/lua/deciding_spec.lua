local engine = require "support.engine"

describe("what is being decided", function()
  local deciding, credentials, shared

  before_each(function()
    credentials = {}
    function credentials.counts() return { owner = 1, network = 2, total = 3 } end
    function credentials.invite_state(_, more) return more < 1 and "good" or "used_up", "i1" end
    engine.start { config = {}, modules = { ["lib.door.credentials"] = credentials } }
    deciding, shared = require "lib.door.deciding", require "core.shared"
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
    for _, what in ipairs { "total", "owner anna", "network 10.0.0.0/24" } do assert.is_nil(shared.get("deciding " .. what)) end
  end)

  it("counts no stacks where there are no quotas", function()
    credentials.counts = function() error "asked" end
    assert.same({}, deciding.begin({ network = "n" }, false):stacks())
  end)
end)
