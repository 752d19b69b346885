-- Plural categories, by the rules in locales/*.json.
local plural = require "lib.pages.plural"
local cjson = require "cjson"

local function rule_of(language)
  local file = assert(io.open("locales/" .. language .. ".json"))
  local texts = cjson.decode(file:read("a"))
  file:close()
  return texts["language.plural"]
end

local function categories_of(rule, numbers)
  local category, list = plural.parse(rule), {}
  for i, n in ipairs(numbers) do list[i] = category(n) end
  return table.concat(list, " ")
end

describe("the plural category of a number", function()
  it("is one or other in English and Dutch", function()
    for _, language in ipairs { "en", "nl" } do
      local found = categories_of(rule_of(language), { 0, 1, 2, 101 })
      assert.equal("other one other other", found)
    end
  end)

  it("is one of six in Arabic", function()
    assert.equal("zero one two few few many many other other other few many",
      categories_of(rule_of "ar", { 0, 1, 2, 3, 10, 11, 99, 100, 101, 102, 103, 111 }))
  end)

  it("follows rules with more conditions, as Polish has them", function()
    local polish = "one: n = 1; few: n % 10 = 2..4 and n % 100 != 12..14; "
      .. "many: n != 1 and n % 10 = 0..1, 5..9"
    local found = categories_of(polish, { 1, 2, 24, 5, 21, 102, 11, 12 })
    assert.equal("one few few many many few many other", found)
  end)

  it("comes with the list of all categories", function()
    local _, names = plural.parse(rule_of "ar")
    assert.same({ "zero", "one", "two", "few", "many", "other" }, names)
  end)

  it("cannot be parsed from a malformed rule, which the error quotes", function()
    local ok, message = pcall(plural.parse, "one: i = 1 and v = 0")
    assert.is_false(ok)
    assert.truthy(message:find("i = 1", 1, true), message)
  end)
end)
