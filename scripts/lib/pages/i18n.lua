--- Texts for people, in the languages that have a file in locales/. A new language is one new file.
--- Keys are flat ("problem.name_taken.title"); {name} in a text is a placeholder. A text with {count} has a form for each kind of number
--- that its language knows ("wait.before.one", "wait.before.other"), by the rule in "language.plural" (lib/pages/plural.lua).
local json = require "core.json"
local server = require "core.server"
local clock = require "lib.base.clock"
local plural = require "lib.pages.plural"
local i18n = { default = "en" }

local texts, order, category = {}, {}, {}

local function load_locale(file)
  local code = file:match("^(%a[%w-]*)%.json$")
  if not code then return end
  local path = "locales/" .. file
  local parsed, message = json.decode(server.read(path))
  if type(parsed) ~= "table" then error(("%s: %s (it must be one JSON object of texts)"):format(path, message or "not an object"), 0) end
  if not parsed["language.name"] then error(path .. ": language.name is missing (the language's own name, for the menu)", 0) end
  texts[code], order[#order + 1] = parsed, code
  category[code] = plural.read(parsed["language.plural"] or "one: n = 1")
end

for _, file in ipairs(server.list("locales")) do load_locale(file) end
if not texts[i18n.default] then error("locales/en.json is missing: it is the language of whoever asks for another", 0) end

--- The languages there are: { {code, name, dir}, ... }.
---@return { code: string, name: string, dir: string }[]
function i18n.languages()
  local list = {}
  for i, code in ipairs(order) do
    list[i] = { code = code, name = texts[code]["language.name"], dir = i18n.dir(code) }
  end
  return list
end

---@return string "ltr" or "rtl"
function i18n.dir(language)
  return texts[language] and texts[language]["language.dir"] or "ltr"
end

---@return boolean
function i18n.known(language)
  return texts[language] ~= nil
end

--- Whether there is a text of that key.
---@return boolean
function i18n.has(key)
  return texts[i18n.default][key] ~= nil
end

-- The text as it stands: of the key, or of the form that goes with the number {count}.
local function stored(language, key, args)
  local own = texts[language]
  if not own then return nil end
  local count = args and math.tointeger(args.count)
  return own[key] or count and (own[key .. "." .. category[language](count)] or own[key .. ".other"])
end

-- In a right-to-left sentence a name, an address or a time stays one piece, in its own direction (U+2068, U+2069).
local function isolated(value)
  return "\u{2068}" .. value .. "\u{2069}"
end

local function fill(text, args, rtl)
  return (text:gsub("{([%w_]+)}", function(name)
    local value = args[name]
    if value == nil then return nil end
    return rtl and type(value) == "string" and isolated(value) or tostring(value)
  end))
end

--- The text of that key, its placeholders filled in. English when the language lacks it; the key itself when nothing has it.
---@param language string
---@param key string
---@param args table<string, string|number>|nil
---@return string
function i18n.text(language, key, args)
  local text = stored(language, key, args) or stored(i18n.default, key, args)
  if not text then return key end
  return args and fill(text, args, i18n.dir(language) == "rtl") or text
end

--- A length of time as one says it: "40 seconds", "2 minutes".
---@param language string
---@param seconds number
---@return string
function i18n.duration(language, seconds)
  if seconds < 90 then return i18n.text(language, "duration.seconds", { count = math.max(5, math.ceil(seconds / 5) * 5) }) end
  return i18n.text(language, "duration.minutes", { count = math.ceil(seconds / 60) })
end

--- All texts whose key begins with that prefix, as they stand, English for what the language lacks.
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

local function quality(parameters)
  local q = parameters:match(";%s*[qQ]%s*=%s*([^;%s]*)")
  return q == nil and 1 or tonumber(q) or 0
end

local function best(header)
  local found, found_q = nil, 0
  for range, parameters in header:gmatch("%s*([%a*][%w*-]*)([^,]*)") do
    local tag = range:lower()
    local code = tag == "*" and i18n.default or texts[tag] and tag or tag:match("^%a+")
    local q = quality(parameters)
    if texts[code] and q > found_q then found, found_q = code, q end
  end
  return found or i18n.default
end

-- What was worked out for a header is kept: browsers send the same few. Strangers can send any, so it starts anew at 200.
local remembered, count = {}, 0

--- The language that an Accept-Language header asks for, of those there are.
---@param header string|nil
---@return string
function i18n.accepted(header)
  if not header or header == "" then return i18n.default end
  header = header:sub(1, 300)
  local language = remembered[header]
  if language then return language end
  if count >= 200 then remembered, count = {}, 0 end
  language = best(header)
  remembered[header], count = language, count + 1
  return language
end

--- The language of the answer to a request: ?lang=, else Accept-Language.
---@param req Request
---@return string
function i18n.from(req)
  local asked = req.query.lang
  if asked and texts[asked] then return asked end
  return i18n.accepted(req.headers["accept-language"])
end

local function or_nil(language, key, args)
  return i18n.has(key) and i18n.text(language, key, args) or nil
end

--- What could not be taken away, and why, in words: { kind, id, detail }.
---@param language string
---@param left { kind: string, id: string|nil, reason: string|nil }
function i18n.leftover(language, left)
  local args = { id = left.id or "", kind = left.kind }
  local kind = left.unsure and left.kind .. "_unsure" or left.kind
  local what = or_nil(language, "leftover.kind." .. kind, args) or i18n.text(language, "leftover.kind.other", args)
  local why = left.reason and or_nil(language, "leftover.reason." .. left.reason, args)
  return { kind = left.kind, id = left.id, detail = why and what .. " " .. why or what }
end

local function leftovers(language, list)
  local told = {}
  for i, left in ipairs(list or {}) do told[i] = i18n.leftover(language, left) end
  return json.array(told)
end

local function title(language, step)
  return step and i18n.text(language, "step." .. step .. ".title")
end

-- How each raw event (lib/operations/events.lua lists their fields) becomes the one that people and programs read.
local tell = {}

function tell.queued(_, raw)
  return { position = raw.position, etaSeconds = raw.etaSeconds }
end

-- A step's own words, or those for any step that waits.
local function detail_key(raw)
  local own = "step." .. raw.step .. "." .. raw.key
  return i18n.has(own) and own or "waiting." .. raw.key
end

function tell.progress(language, raw)
  local detail = raw.key and i18n.text(language, detail_key(raw), raw.args)
  return { step = raw.step, title = title(language, raw.step), state = raw.state, percent = raw.percent, detail = detail }
end

function tell.log(language, raw)
  return { line = raw.line or i18n.text(language, "log." .. raw.key, raw.args) }
end

function tell.ready(language, raw)
  local warning = raw.warning and i18n.text(language, "warning." .. raw.warning, raw.args)
  return { name = raw.name, url = raw.url, openUrl = raw.openUrl, warning = warning }
end

-- What happened; and where the cause is known, in its own words.
local function detail_of(language, key, args)
  local detail = i18n.text(language, key .. ".detail", args)
  local reason = args.reason and args.reason ~= "" and or_nil(language, key .. ".reason", args)
  return reason and detail .. " " .. reason or detail
end

-- What Dokploy answered last: for programs in parts, for people in a sentence.
local function last_answer(language, answer)
  if not answer then return nil end
  local method, procedure = answer.call:match("^(%u+) (.+)$")
  local args = { call = answer.call, status = answer.status, time = clock.time_of_day(answer.at) }
  return {
    method = method, procedure = procedure, status = answer.status, message = answer.message ~= "" and answer.message or nil,
    at = clock.iso(answer.at), detail = i18n.text(language, answer.status and "answer.got" or "answer.silent", args),
  }
end

function tell.failed(language, raw)
  local key, args = "failure." .. raw.code, raw.args or {}
  if not i18n.has(key .. ".detail") then key = "failure.script_error" end
  local cause = raw.cause and i18n.has("cause." .. raw.cause .. ".detail") and "cause." .. raw.cause
  return {
    code = raw.code, step = raw.step, title = title(language, raw.step),
    detail = detail_of(language, key, args), advice = i18n.text(language, (cause or key) .. ".advice", args),
    cause = cause and i18n.text(language, cause .. ".detail", args) or nil, causeCode = raw.cause,
    lastAnswer = last_answer(language, raw.answer), lastLog = json.array(raw.lines or {}),
    rolledBack = raw.rolledBack, leftovers = leftovers(language, raw.leftovers), requestId = raw.requestId,
  }
end

function tell.cancelled(language, raw)
  return { step = raw.step, rolledBack = raw.rolledBack, leftovers = leftovers(language, raw.leftovers) }
end

function tell.stopped(_, raw) return { name = raw.name } end

function tell.deleted(_, raw)
  return { name = raw.name, data = raw.data, volume = raw.volume }
end

function tell.stopped(_, raw)
  return { name = raw.name }
end

--- An event of the journal in the form in which a stream shows it.
---@param language string
---@param event string
---@param raw table  as kept, with `at` in seconds; left as it is
---@return table
function i18n.event(language, event, raw)
  local told = tell[event](language, raw)
  told.at = clock.iso(raw.at)
  return told
end

return i18n
