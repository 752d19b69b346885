-- The building blocks of the operators' commands.
local portal = require "support.portal"

describe("the date of a header", function()
  local clock = require "lib.base.clock"

  it("is read", function()
    assert.equal(784111777, clock.read_http_date "Sun, 06 Nov 1994 08:49:37 GMT")
    assert.equal(0, clock.read_http_date "Thu, 01 Jan 1970 00:00:00 GMT")
    assert.equal(951782400, clock.read_http_date "Tue, 29 Feb 2000 00:00:00 GMT")
    assert.equal(4107542400, clock.read_http_date "Mon, 01 Mar 2100 00:00:00 GMT")
  end)

  it("is nil for any other text", function()
    local texts = {
      "", "yesterday", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
    }
    for _, text in ipairs(texts) do
      assert.is_nil(clock.read_http_date(text))
    end
    assert.is_nil(clock.read_http_date(nil))
  end)
end)

describe("the options of a command", function()
  local printed, command
  local options = { image = "text", env = "list", seconds = "number", http = "flag" }

  before_each(function()
    printed = nil
    package.loaded["lib.base.command"] = nil
    package.loaded["core.console"] = { print = function(text) printed = text end }
    command = require "lib.base.command"
  end)
  after_each(function() package.loaded["core.console"] = nil end)

  local function run(arguments)
    local given
    local program = command.define {
      help = "HELP", options = options, required = { "image" },
      run = function(values) given = values end,
    }
    return program.run(arguments), given
  end

  it("are read with a blank or with =", function()
    local status, given = run {
      "--image", "a:1", "--env", "A=1", "--env=B=x=y", "--seconds", "5", "--http",
    }
    assert.is_nil(status)
    assert.same({ image = "a:1", env = { "A=1", "B=x=y" }, seconds = 5, http = true }, given)
  end)

  it("are refused with the reason, the help and status 2", function()
    local cases = {
      { "unknown option %-%-imgae %(known: .*%-%-env .*%-%-image .*%-%-seconds%)", "--imgae", "x" },
      { "unknown option image %(known: .*%)", "image" },
      { "%-%-image needs a value", "--image" },
      { "%-%-image needs a value", "--image", "" },
      { "%-%-seconds takes a number, not \"soon\"", "--seconds", "soon" },
      { "%-%-http takes no value", "--http=1" },
      { "%-%-image is missing", "--http" },
    }
    for _, case in ipairs(cases) do
      local status, given = run { table.unpack(case, 2) }
      assert.equal(2, status)
      assert.is_nil(given)
      assert.matches("^" .. case[1] .. "\n\nHELP$", printed)
    end
  end)

  it("include --help, whatever else is missing", function()
    assert.is_nil((run { "--help" }))
    assert.equal("HELP", printed)
  end)
end)

describe("the history of releases", function()
  local release
  local stubs = {
    ["core.http"] = {}, ["lib.dokploy.call"] = {},
    ["lib.dokploy"] = { client = function() return {} end },
  }
  before_each(function()
    portal.start()
    for name, module in pairs(stubs) do package.loaded[name] = module end
    package.loaded["lib.release"] = nil
    release = require "lib.release"
  end)
  after_each(function()
    for name in pairs(stubs) do package.loaded[name] = nil end
  end)

  it("is read from a description, and empty for other descriptions", function()
    local head = "AI Stack Deployer, the portal. Good releases: "
    local function history(description) return release.history { description = description } end
    assert.same({ { image = "a:1", release = "1" } },
      history(head .. '[{"image":"a:1","release":"1"},{"image":"a:2"},7]'))
    for _, other in ipairs { "", "other text", head .. "[", head .. "7" } do
      assert.same({}, history(other))
    end
    assert.same({}, history(nil))
  end)

  it("names a release by its tag", function()
    assert.equal("v1.2", release.name_of "registry.example.com:5000/team/portal:v1.2")
    assert.is_nil(release.name_of "registry.example.com:5000/portal")
    assert.is_nil(release.name_of "portal@sha256:0123")
    assert.is_nil(release.name_of(nil))
  end)
end)
