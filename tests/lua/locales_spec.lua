-- Tests that the locales have the same keys and placeholders, and every text that the scripts use.
local cjson = require "cjson"

local function texts_of(language)
  local file = assert(io.open("locales/" .. language .. ".json"))
  local texts = cjson.decode(file:read("a"))
  file:close()
  return texts
end

local english = texts_of "en"

-- The English text of a key; the form "other" of a plural form that English lacks.
local function english_text(key)
  local stem = key:match("^(.*)%.%l+$")
  return english[key] or stem and english[stem .. ".one"] and english[stem .. ".other"]
end

local function placeholders(text)
  local set = {}
  for name in text:gmatch("{([%w_]+)}") do set[name] = true end
  return set
end

for _, language in ipairs { "nl", "ar" } do
  describe("locales/" .. language .. ".json", function()
    local texts = texts_of(language)

    it("has every key of English, and no other", function()
      for key in pairs(english) do assert.is_string(texts[key], key .. " is missing") end
      for key in pairs(texts) do assert.is_string(english_text(key), key .. " is unknown") end
    end)

    it("has the same placeholders", function()
      for key, text in pairs(texts) do -- a plural form may spell its number out
        local expected = placeholders(english_text(key) .. "{count}")
        assert.same(expected, placeholders(text .. "{count}"), key)
      end
    end)

    it("is translated", function()
      local same = {}
      for key, text in pairs(texts) do
        local words = text:gsub("{[%w_]+}", ""):gsub("[%p%d%s]", "")
        local is_name = key == "page.title" or key == "live.title" or key:find("^language%.")
        if text == english[key] and #words > 12 and not is_name then same[#same + 1] = key end
      end
      assert.same({}, same)
    end)
  end)
end

it("Arabic is written in Arabic, from right to left", function()
  local arabic = texts_of "ar"
  assert.equal("rtl", arabic["language.dir"])
  for key, text in pairs(arabic) do
    if not key:find("^language%.") and #text > 20 then
      assert.truthy(text:find("[\xd8-\xdb]"), key)
    end
  end
end)

describe("there is a text for", function()
  local function needs(key)
    assert.is_string(english[key], key .. " is missing in locales/en.json")
  end

  local function needs_each(prefix, words)
    for word in words:gmatch("%S+") do needs(prefix .. word) end
  end

  local function source_of(path)
    local file = assert(io.open(path))
    local source = file:read("a")
    file:close()
    return source
  end

  it("every problem", function()
    local codes = source_of("scripts/lib/http/problem.lua"):match("problem.status = (%b{})")
    local count = 0
    for code in codes:gmatch("([%l_]+) = %d+") do
      count = count + 1
      needs("problem." .. code .. ".title")
      needs("problem." .. code .. ".detail")
    end
    assert.truthy(count > 20)
  end)

  it("every failure of a deployment, and what to do about it", function()
    local codes = "dokploy_unreachable dokploy_refused dokploy_error dokploy_unexpected_answer "
      .. "step_timeout deploy_failed image_not_found registry_login registry_denied "
      .. "stack_unprotected stack_unhealthy stack_wrong_password stack_workspace certificate "
      .. "cancelled script_error journal network_unready host_taken"
    for code in codes:gmatch("%S+") do
      needs("failure." .. code .. ".detail")
      needs("failure." .. code .. ".advice")
    end
  end)

  it("every step and its progress", function()
    local count = 0
    for file in source_of("scripts/steps/init.lua"):gmatch('require "steps%.([%l_]+)"') do
      count = count + 1
      local source = source_of("scripts/steps/" .. file .. ".lua")
      local step = source:match('\n  name = "([%l_]+)"')
      needs("step." .. step .. ".title")
      for key in source:gmatch('ctx:progress%(?%s*"([%l_]+)"') do
        needs("step." .. step .. "." .. key)
      end
    end
    assert.truthy(count > 4)
    needs_each("step.health.",
      "steady stack_unhealthy stack_wrong_password stack_workspace certificate")
  end)

  it("every note in a log, every warning, every kind of leftover and its reason", function()
    local pipe = assert(io.popen("cat scripts/lib/*/*.lua scripts/steps/*.lua"))
    local source = pipe:read("a")
    pipe:close()
    for key in source:gmatch(':log_note%(?%s*"([%l_]+)"') do needs("log." .. key) end
    for code in source:gmatch('ctx%.warning = "([%l_]+)"') do needs("warning." .. code) end
    needs_each("leftover.kind.",
      "project application domain mount volume volume_unsure deployment other")
    needs_each("leftover.reason.",
      "unreachable refused error running containers in_use not_ours unable")
  end)

  it("every way in which a name is malformed", function()
    needs_each("name.invalid.", "empty characters short long start ending punycode hyphens")
  end)
end)
