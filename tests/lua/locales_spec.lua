-- The locales have the same keys and placeholders, and every text that the scripts may ask for.
local cjson = require "cjson"

local function texts_of(language)
  local file = assert(io.open("locales/" .. language .. ".json"))
  local texts = cjson.decode(file:read("a"))
  file:close()
  return texts
end

local english = texts_of "en"

-- The English text of a key; for a plural form that English lacks, its form "other".
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
      for key in pairs(texts) do assert.is_string(english_text(key), key .. " is not in English") end
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
        if key ~= "page.title" and key ~= "live.title" and not key:find("^language%.") and text == english[key] and #words > 12 then same[#same + 1] = key end
      end
      assert.same({}, same)
    end)
  end)
end

it("Arabic is written in Arabic, from right to left", function()
  local arabic = texts_of "ar"
  assert.equal("rtl", arabic["language.dir"])
  for key, text in pairs(arabic) do
    if not key:find("^language%.") and #text > 20 then assert.truthy(text:find("[\xd8-\xdb]"), key) end
  end
end)

describe("there is a text for", function()
  local function needs(key) assert.is_string(english[key], key .. " is missing in locales/en.json") end

  it("every problem", function()
    local source = assert(io.open("scripts/lib/http/problem.lua")):read("a")
    local codes = source:match("problem.status = (%b{})")
    local count = 0
    for code in codes:gmatch("([%l_]+) = %d+") do
      count = count + 1
      needs("problem." .. code .. ".title")
      needs("problem." .. code .. ".detail")
    end
    assert.truthy(count > 20)
  end)

  it("every failure of a deployment: what happened, and what to do", function()
    for _, code in ipairs { "dokploy_unreachable", "dokploy_refused", "dokploy_error", "dokploy_unexpected_answer", "step_timeout", "deploy_failed",
      "image_not_found", "registry_login", "stack_unprotected", "stack_unhealthy", "stack_wrong_password", "stack_workspace", "certificate",
      "cancelled", "script_error", "journal" } do
      needs("failure." .. code .. ".detail")
      needs("failure." .. code .. ".advice")
    end
  end)

  it("every step, and all that steps say of themselves", function()
    local listed = {}
    for name in assert(io.open("scripts/steps/init.lua")):read("a"):gmatch('require "steps%.([%l_]+)"') do listed[#listed + 1] = name end
    assert.truthy(#listed > 4)
    for _, file in ipairs(listed) do
      local source = assert(io.open("scripts/steps/" .. file .. ".lua")):read("a")
      local step = source:match('\n  name = "([%l_]+)"')
      needs("step." .. step .. ".title")
      for key in source:gmatch('ctx:progress%(?%s*"([%l_]+)"') do needs("step." .. step .. "." .. key) end
    end
    for _, code in ipairs { "steady", "stack_unhealthy", "stack_wrong_password", "stack_workspace", "certificate" } do needs("step.health." .. code) end
  end)

  it("every note in a log, every warning, everything that may be left and why", function()
    local pipe = assert(io.popen("cat scripts/lib/*/*.lua scripts/steps/*.lua"))
    local source = pipe:read("a")
    pipe:close()
    for key in source:gmatch(':log_note%(?%s*"([%l_]+)"') do needs("log." .. key) end
    for code in source:gmatch('ctx%.warning = "([%l_]+)"') do needs("warning." .. code) end
    local kinds = { "project", "application", "domain", "mount", "volume", "volume_unsure", "deployment", "other" }
    for _, kind in ipairs(kinds) do needs("leftover.kind." .. kind) end
    for _, reason in ipairs { "unreachable", "refused", "error", "running", "containers", "in_use", "not_ours", "unable" } do
      needs("leftover.reason." .. reason)
    end
  end)

  it("every way in which a name is malformed", function()
    for _, reason in ipairs { "empty", "characters", "short", "long", "start", "ending", "punycode", "hyphens" } do needs("name.invalid." .. reason) end
  end)
end)
