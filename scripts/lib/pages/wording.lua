--- Events of the journal in words: the form in which streams and pages show them.
local json = require "core.json"
local clock = require "lib.base.clock"
local i18n = require "lib.pages.i18n"
local wording = {}

local function text_or_nil(language, key, args)
  return i18n.has(key) and i18n.text(language, key, args) or nil
end

--- A resource that could not be removed, and why.
---@param language string
---@param leftover { kind: string, id: string|nil, reason: string|nil, unsure: boolean|nil,
--- command: string|nil }  command: that removes it
---@return { kind: string, id: string|nil, detail: string }
function wording.leftover(language, leftover)
  local args = {
    id = leftover.id or "", kind = leftover.kind, command = leftover.command or "",
  }
  local kind = leftover.unsure and leftover.kind .. "_unsure" or leftover.kind
  local what = text_or_nil(language, "leftover.kind." .. kind, args)
    or i18n.text(language, "leftover.kind.other", args)
  local why = leftover.reason
    and text_or_nil(language, "leftover.reason." .. leftover.reason, args)
  return { kind = leftover.kind, id = leftover.id, detail = why and what .. " " .. why or what }
end

local function leftovers(language, list)
  local rendered = {}
  for i, leftover in ipairs(list or {}) do rendered[i] = wording.leftover(language, leftover) end
  return json.array(rendered)
end

--- The title of a step; its name when it has no title.
---@param language string
---@param step string|nil
---@return string|nil
function wording.step(language, step)
  if not step then return nil end
  return text_or_nil(language, "step." .. step .. ".title") or step
end

--- The title or the help of a template's parameter: its own, or the one that parameters of that
--- name share; nil when there is none.
---@param language string
---@param template Template
---@param parameter Parameter
---@param part "title"|"help"
---@return string|nil
function wording.parameter(language, template, parameter, part)
  local own = ("parameter.%s.%s.%s"):format(template.id, parameter.id, part)
  return text_or_nil(language, own)
    or text_or_nil(language, ("parameter.%s.%s"):format(parameter.id, part))
end

-- By event: from the raw fields (lib/operations/events.lua) to the public ones.
local render = {}

function render.queued(_, raw)
  return { position = raw.position, etaSeconds = raw.etaSeconds }
end

-- A step's own text for the key, or the one that all waiting steps share.
local function detail_key(raw)
  local own = "step." .. raw.step .. "." .. raw.key
  return i18n.has(own) and own or "waiting." .. raw.key
end

function render.progress(language, raw)
  return {
    step = raw.step, title = wording.step(language, raw.step), state = raw.state,
    percent = raw.percent, detail = raw.key and i18n.text(language, detail_key(raw), raw.args),
  }
end

function render.log(language, raw)
  return { line = raw.line or i18n.text(language, "log." .. raw.key, raw.args) }
end

-- What was not proven, and which optional steps failed.
local function warnings(language, raw)
  local texts = { raw.warning and i18n.text(language, "warning." .. raw.warning, raw.args) }
  for _, step in ipairs(raw.skipped or {}) do
    local args = { step = wording.step(language, step) }
    texts[#texts + 1] = i18n.text(language, "warning.step_skipped", args)
  end
  return #texts > 0 and table.concat(texts, " ") or nil
end

function render.ready(language, raw)
  local warning = warnings(language, raw)
  return { name = raw.name, url = raw.url, openUrl = raw.openUrl, warning = warning }
end

-- What happened, and the reason where it is known.
local function detail_of(language, key, args)
  local detail = i18n.text(language, key .. ".detail", args)
  local reason = args.reason and args.reason ~= ""
    and text_or_nil(language, key .. ".reason", args)
  return reason and detail .. " " .. reason or detail
end

-- Dokploy's last answer: fields for programs, a sentence for people.
local function last_answer(language, answer)
  if not answer then return nil end
  local method, procedure = answer.call:match("^(%u+) (.+)$")
  local args = {
    call = answer.call, status = answer.status, time = clock.time_of_day(answer.at),
  }
  return {
    method = method, procedure = procedure, status = answer.status,
    message = answer.message ~= "" and answer.message or nil, at = clock.iso(answer.at),
    detail = i18n.text(language, answer.status and "answer.got" or "answer.silent", args),
  }
end

function render.failed(language, raw)
  local key, args = "failure." .. raw.code, raw.args or {}
  if not i18n.has(key .. ".detail") then key = "failure.script_error" end
  local cause = raw.cause and "cause." .. raw.cause
  if cause and not i18n.has(cause .. ".detail") then cause = nil end
  return {
    code = raw.code, step = raw.step, title = wording.step(language, raw.step),
    detail = detail_of(language, key, args),
    advice = i18n.text(language, (cause or key) .. ".advice", args),
    cause = cause and i18n.text(language, cause .. ".detail", args), causeCode = raw.cause,
    lastAnswer = last_answer(language, raw.answer), lastLog = json.array(raw.lines or {}),
    rolledBack = raw.rolledBack, leftovers = leftovers(language, raw.leftovers),
    requestId = raw.requestId,
  }
end

function render.cancelled(language, raw)
  return {
    step = raw.step, detail = text_or_nil(language, "cancelled." .. (raw.code or ""), raw.args),
    rolledBack = raw.rolledBack, leftovers = leftovers(language, raw.leftovers),
  }
end

function render.deleted(_, raw)
  return { name = raw.name, data = raw.data, volume = raw.volume }
end

function render.stopped(_, raw) return { name = raw.name } end

render.asleep = render.stopped

--- An event of the journal as a stream shows it.
---@param language string
---@param event string
---@param raw table  as stored, with `at` in seconds since 1970; not changed
---@return table
function wording.event(language, event, raw)
  local rendered = render[event](language, raw)
  rendered.at = clock.iso(raw.at)
  return rendered
end

return wording
