-- What the programs for operators are made of.
local portal = require "support.portal"

describe("the date of a header", function()
  local date = require "lib.base.http_date"

  it("is read", function()
    assert.equal(784111777, date.read "Sun, 06 Nov 1994 08:49:37 GMT")
    assert.equal(0, date.read "Thu, 01 Jan 1970 00:00:00 GMT")
    assert.equal(951782400, date.read "Tue, 29 Feb 2000 00:00:00 GMT")
    assert.equal(4107542400, date.read "Mon, 01 Mar 2100 00:00:00 GMT")
  end)

  it("is nothing when it is none", function()
    for _, text in ipairs { "", "yesterday", "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT" } do
      assert.is_nil(date.read(text))
    end
    assert.is_nil(date.read(nil))
  end)
end)

describe("the options of a program", function()
  local options = require "lib.base.options"
  local known = { image = "text", env = "list", seconds = "number", http = "flag" }

  it("are read in both ways of writing", function()
    assert.same({ image = "a:1", env = { "A=1", "B=x=y" }, seconds = 5, http = true },
      options.read({ "--image", "a:1", "--env", "A=1", "--env=B=x=y", "--seconds", "5", "--http" }, known))
  end)

  it("are refused with what would do", function()
    for _, arguments in ipairs { { "--imgae", "x" }, { "image" }, { "--image" }, { "--seconds", "soon" }, { "--http=1" }, { "--image", "" } } do
      local values, message = options.read(arguments, known)
      assert.is_nil(values)
      assert.is_string(message)
    end
    assert.matches("known: %-%-env %-%-http %-%-image %-%-seconds", select(2, options.read({ "--imgae" }, known)))
  end)
end)

describe("the history of releases", function()
  local names
  before_each(function()
    portal.start()
    names = require "lib.release.names"
  end)

  it("is what a description holds, and nothing of other descriptions", function()
    local text = names.description '[{"image":"a:1","release":"1"},{"image":"a:2"},7]'
    assert.same({ { image = "a:1", release = "1" } }, names.history(text))
    for _, other in ipairs { "", "somebody's words", names.description "[", names.description "7" } do assert.same({}, names.history(other)) end
    assert.same({}, names.history(nil))
  end)

  it("names a release by its tag", function()
    assert.equal("v1.2", names.word_of "registry.example.com:5000/team/portal:v1.2")
    assert.is_nil(names.word_of "registry.example.com:5000/portal")
    assert.is_nil(names.word_of "portal@sha256:0123")
    assert.is_nil(names.word_of(nil))
  end)
end)

describe("who may read the numbers", function()
  local policy = require "policy.metrics"
  it("is the admin, and who is near", function()
    assert.is_true(policy.allows({ kind = "admin" }, false))
    assert.is_true(policy.allows({ kind = "visitor" }, true))
    assert.is_true(policy.allows({ kind = "token", scopes = { admin = true } }, false))
    assert.is_false(policy.allows({ kind = "token", scopes = { read = true } }, false))
    assert.is_false(policy.allows({ kind = "visitor" }, false))
    assert.is_false(policy.allows({ kind = "owner", id = "x" }, false))
  end)
end)
