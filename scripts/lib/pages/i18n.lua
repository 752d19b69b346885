--- Texts in each language that has a file in locales/, or in the installation's own site/locales/.
--- Keys are flat ("problem.name_taken.title"); {name} in a text is a placeholder. A text with
--- {count} has one form per plural category of its language ("wait.before.one"), chosen by the rule
--- in "language.plural" (lib/pages/plural.lua).
local json = require "core.json"
local check = require "lib.base.check"
local schema = require "lib.schema"
local server = require "core.server"
local site = require "core.site"
local weighted = require("core.text").weighted
local plural = require "lib.pages.plural"
local i18n = { default = "en" }

local texts, order, category = {}, {}, {}

local function read(path, text)
  local parsed, message = json.decode(text)
  if type(parsed) == "table" then return parsed end
  error(("%s: %s (expected one JSON object)"):format(path, message or "not an object"), 0)
end

local function add(code, parsed, path)
  if not parsed["language.name"] then
    error(path .. ": language.name is missing (the language's own name, for the menu)", 0)
  end
  texts[code], order[#order + 1] = parsed, code
  category[code] = plural.parse(parsed["language.plural"] or "one: n = 1")
end

for _, file in ipairs(server.list("locales")) do
  local code, path = file:match("^(%a[%w-]*)%.json$"), "locales/" .. file
  if code then add(code, read(path, server.read(path)), path) end
end
if not texts[i18n.default] then error("locales/en.json is missing: it is the fallback", 0) end

-- The installation's own texts: they replace the product's, add to them, or are a language more.

-- What texts of one's own may begin with, where English has none of that key.
local prefixes = { "template.", "parameter.", "step.", "problem.", "failure.", "own." }

local function is_own(key)
  for _, start in ipairs(prefixes) do
    if key:sub(1, #start) == start then return true end
  end
  return false
end

-- The product's English text; plural forms of it differ from language to language.
local shipped = {}
for key, text in pairs(texts[i18n.default]) do shipped[key] = text end
local function english(key) return shipped[key] or shipped[key:gsub("%.%l+$", ".other")] end

local function is_known(key) return english(key) or is_own(key) or key == "incomplete" end

local function check_placeholders(path, key, text)
  local known = english(key) or text
  for name in text:gmatch "{[%w_]+}" do
    if name ~= "{count}" and not known:find(name, 1, true) then
      error(('%s: %s: nothing is filled in for %s (the product\'s text is "%s")'):format(path, key,
        name, known), 0)
    end
  end
end

local function check_text(path, key, text)
  if type(text) ~= "string" then
    error(("%s: %s: is not a text (write it in quotes)"):format(path, key), 0)
  elseif not is_known(key) then
    error(("%s: %s: the product has no such text (texts of your own begin with %s)"):format(path,
      key, table.concat(prefixes, " ")), 0)
  end
  check_placeholders(path, key, text)
end

local plural_forms = { zero = true, one = true, two = true, few = true, many = true }

-- A language that lacks texts shows them in English, which must be meant. Of a plural it may have
-- other forms, but always "other".
local function check_complete(path, parsed)
  local missing = {}
  for key in pairs(texts[i18n.default]) do
    local is_form = plural_forms[key:match "%.(%l+)$"]
    if not parsed[key] and not is_form then missing[#missing + 1] = key end
  end
  if #missing == 0 or parsed.incomplete == "yes" then return end
  table.sort(missing)
  error(('%s: %d texts are missing, the first is %s (add them, or write "incomplete": '
    .. '"yes" to show them in English)'):format(path, #missing, missing[1]), 0)
end

local function add_own(file)
  local code, path = file:match("^(%a[%w-]*)%.json$"), "site/locales/" .. file
  if not code then return end
  local parsed = read(path, site.read("locales/" .. file))
  for key, text in pairs(parsed) do check_text(path, key, text) end
  if not texts[code] then
    check_complete(path, parsed)
    return add(code, parsed, path)
  end
  for key, text in pairs(parsed) do texts[code][key] = text end
end

for _, file in ipairs(site.list "locales") do add_own(file) end

-- The page shows own.notice. Any other own. text is for other files of the installation: one of
-- them names it, or what it begins with ("own.day." .. number).
local function is_read(key)
  if key == "own.notice" then return true end
  local start = key:match "^(own%..+%.)[^.]+$"
  for path, text in pairs(site.files()) do
    local is_text = not path:find "^locales/"
    if is_text and (text:find(key, 1, true) or start and text:find(start, 1, true)) then
      return true
    end
  end
  return false
end

local function check_own_key(code, key)
  local path = ("site/locales/%s.json: %s: "):format(code, key)
  if not is_read(key) then
    error(path .. "nothing reads this text (the page shows own.notice; of others, another file of "
      .. "site/ must have the key)", 0)
  elseif not texts[i18n.default][key] then
    error(path .. "English lacks it (add it to site/locales/en.json, which languages without it "
      .. "show)", 0)
  end
end

for _, code in ipairs(order) do
  local keys = {}
  for key in pairs(texts[code]) do keys[#keys + 1] = key:match "^own%..*" end
  table.sort(keys)
  for _, key in ipairs(keys) do check_own_key(code, key) end
end

--- All languages.
---@return { code: string, name: string, dir: string }[]
function i18n.languages()
  local list = {}
  for i, code in ipairs(order) do
    list[i] = { code = code, name = texts[code]["language.name"], dir = i18n.dir(code) }
  end
  return list
end

-- Raises when a text by language lacks one, or has one that there is not.
local function check_languages(file, path, own)
  for code in pairs(own) do
    if not texts[code] then
      schema.refuse(file, path, "there is no language %q (languages: %s)", tostring(code),
        table.concat(order, ", "))
    end
  end
  for _, code in ipairs(order) do
    local is_missing = not own[code] or own[code] == ""
    if is_missing and texts[code].incomplete ~= "yes" then
      schema.refuse(file, path, "has no text in the language %s (write %s = \"...\")", code, code)
    end
  end
end
check.on_texts(check_languages)

--- Adds a text that a policy or a step brings along; raises when a language lacks it.
---@param file string  named in messages, with the path of the key
---@param path string
---@param key string
---@param own table<string, string>  by language
function i18n.define(file, path, key, own)
  check_languages(file, path, own)
  for _, code in ipairs(order) do texts[code][key] = own[code] end
end

---@return string "ltr" or "rtl"
function i18n.dir(language)
  return texts[language] and texts[language]["language.dir"] or "ltr"
end

---@return boolean
function i18n.is_known(language) return texts[language] ~= nil end

--- Whether English has a text with that key.
---@return boolean
function i18n.has(key) return texts[i18n.default][key] ~= nil end

-- The text of the key, or the plural form of it that goes with {count}, placeholders unfilled.
local function template(language, key, args)
  local own = texts[language]
  if not own then return nil end
  local count = args and math.tointeger(args.count)
  if own[key] or not count then return own[key] end
  return own[key .. "." .. category[language](count)] or own[key .. ".other"]
end

-- Isolated (U+2068, U+2069), a name or an address keeps its direction in a right-to-left sentence.
local function isolated(value) return "\u{2068}" .. value .. "\u{2069}" end

local function fill(text, args, is_rtl)
  if not text:find("{", 1, true) then return text end
  return (text:gsub("{([%w_]+)}", function(name)
    local value = args[name]
    if value == nil then return nil end
    if is_rtl and type(value) == "string" then return isolated(value) end
    return tostring(value)
  end))
end

--- The text of a key with its placeholders filled in. English when the language lacks it, the key
--- itself when no language has it.
---@param language string
---@param key string
---@param args table<string, string|number>|nil
---@return string
function i18n.text(language, key, args)
  local text = template(language, key, args) or template(i18n.default, key, args)
  if not text then return key end
  return args and fill(text, args, i18n.dir(language) == "rtl") or text
end

--- A rounded duration: "40 seconds", "2 minutes".
---@param language string
---@param seconds number
---@return string
function i18n.duration(language, seconds)
  if seconds >= 90 then
    return i18n.text(language, "duration.minutes", { count = math.ceil(seconds / 60) })
  end
  local count = math.max(5, math.ceil(seconds / 5) * 5)
  return i18n.text(language, "duration.seconds", { count = count })
end

--- All texts whose keys begin with a prefix, placeholders unfilled.
---@return table<string, string>
function i18n.group(language, prefix)
  local found = {}
  for _, source in ipairs { texts[i18n.default], texts[language] } do
    for key, text in pairs(source) do
      if key:sub(1, #prefix) == prefix then found[key] = text end
    end
  end
  return found
end

-- The first language that the field does not name; the default one, if it can be.
local function other_than(named)
  if not named[i18n.default] then return i18n.default end
  for _, code in ipairs(order) do
    if not named[code] then return code end
  end
end

--- The best of the languages for an Accept-Language header.
---@param header string|nil
---@return string
function i18n.accepted(header)
  if not header then return i18n.default end
  local named, found, best, any = {}, nil, 0, 0
  for _, item in ipairs(weighted(header)) do
    local code = texts[item.name] and item.name or item.name:match("^%a+")
    if item.name == "*" then
      any = item.weight
    elseif texts[code] then
      named[code] = true
      if item.weight > best then found, best = code, item.weight end
    end
  end
  return any > best and other_than(named) or found or i18n.default
end

--- The language of an API reply: ?lang=, else Accept-Language.
---@param req Request
---@return string
function i18n.from(req)
  local asked = req.query.lang
  if asked and texts[asked] then return asked end
  return i18n.accepted(req.headers["accept-language"])
end

return i18n
