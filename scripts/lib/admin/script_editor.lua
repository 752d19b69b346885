--- The admin page that edits one of the installation's own files: check, try, put into force,
--- delete. A change that is refused leaves the typed text where it is.
local parts = require "lib.admin.parts"
local script_files = require "lib.admin.script_files"
local script_trial = require "lib.admin.script_trial"
local scripts = require "lib.admin.scripts"
local site = require "lib.admin.site"
local auth = require "lib.auth"
local packing = require "lib.base.packing"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local html = require "lib.pages.html"
local editor = {}

local h, say = html.h, parts.say

local PATH = "/admin/scripts"

local function say_p(view, key, args) return h("p", {}, say(view, key, args)) end

-- The page

---@class Draft  a file as it is typed
---@field path string
---@field text string
---@field note? string
---@field result? Element  of the last button
---@field status? integer

local function text_field(view, draft, is_editable)
  local lines = select(2, draft.text:gsub("\n", "\n"))
  return h("div", { class = "field" },
    h("label", { ["for"] = "text" }, say(view, "admin.scripts.content")),
    -- A line's end right behind the tag is no part of the text.
    h("textarea", { id = "text", name = "text", class = "source", dir = "ltr", wrap = "off",
      rows = math.max(12, math.min(30, lines + 2)), spellcheck = "false", autocomplete = "off",
      autocapitalize = "none", translate = "no", readonly = not is_editable }, "\n", draft.text))
end

local function act(view, name, key, class)
  return h("button", { type = "submit", name = "act", value = name, class = class }, say(view, key))
end

local function controls(view, draft, exists)
  local deploys = { { "", say(view, "admin.scripts.deploy.none") }, { "5", "5" }, { "20", "20" } }
  return {
    h("div", { class = "columns" },
      parts.field(view, "note", "admin.scripts.note", h("input", { type = "text", id = "note",
        name = "note", maxlength = "100", autocomplete = "off", value = draft.note })),
      parts.field(view, "deployments", "admin.scripts.deploy",
        parts.options("deployments", "deploy", deploys, ""))),
    h("p", { class = "row" },
      act(view, "check", "admin.scripts.check"), act(view, "try", "admin.scripts.try"),
      act(view, "activate", "admin.scripts.activate", "primary"),
      exists and act(view, "delete", "admin.scripts.delete", "wary")),
  }
end

local function edit_form(view, doc, draft, exists)
  if not utf8.len(draft.text) then return say_p(view, "admin.scripts.binary") end
  return parts.form(view, PATH .. "/file", { file = draft.path, hash = doc.hash },
    h("div", { class = "editor" }, text_field(view, draft, doc.editable),
      doc.editable and controls(view, draft, exists)))
end

local function shipped(view, path)
  local text = script_files.shipped(path)
  return text and h("details", { class = "new" },
    h("summary", {}, say(view, "admin.scripts.shipped_file")),
    h("p", { class = "hush" }, say(view, "admin.scripts.shipped.text")), scripts.source(text))
end

local function hints(view, doc, draft, exists)
  local place = script_files.place_of(draft.path)
  return {
    place and h("p", { class = "hush" }, say(view, "admin.scripts.place." .. place.key)),
    not place and not exists and parts.notice("warn", say_p(view, "admin.scripts.no_place")),
    place and not exists and doc.editable and draft.text == place.example
      and h("p", { class = "hush" }, say(view, "admin.scripts.example")),
    not doc.editable and parts.notice("", say_p(view, "admin.scripts.read_only")),
  }
end

local function page(view, doc, draft)
  local exists = doc.files[draft.path] ~= nil
  return {
    heading = draft.path, status = draft.status,
    crumb = parts.link(view, PATH, "admin.nav.scripts"),
    main = {
      hints(view, doc, draft, exists), draft.result, edit_form(view, doc, draft, exists),
      shipped(view, draft.path),
    },
  }
end

--- The page of a file, also of one that does not exist yet.
---@return AdminPage|Reply
function editor.page(view, values)
  local path = values.file
  if not path then return answer.see_other(PATH) end
  local doc, place = site.current(), script_files.place_of(path)
  local text = packing.unpack(doc.files)[path]
  if not text and not doc.editable then text = "" end
  return page(view, doc, { path = path, text = text or place and place.example or "" })
end

--- The page of a shipped file, to read.
---@return AdminPage|Reply
function editor.shipped(view, values)
  local text = script_files.shipped(values.file or "")
  if not text then return answer.see_other(PATH) end
  return {
    heading = "scripts/" .. values.file, crumb = parts.link(view, PATH, "admin.nav.scripts"),
    main = { h("p", { class = "hush" }, say(view, "admin.scripts.shipped.text")),
      scripts.source(text) },
  }
end

-- The form

-- Browsers send CRLF.
local function typed(values)
  local text = (values.text or ""):gsub("\r\n", "\n")
  return text:find "[^\n]$" and text .. "\n" or text
end

local function mistakes(view, problems)
  return parts.notice("bad", h("p", { role = "alert" }, say(view, "admin.scripts.mistakes")),
    scripts.problems(problems))
end

local acts = {}

function acts.check(view, draft, files)
  local problems = site.problems(files)
  draft.result = #problems > 0 and mistakes(view, problems)
    or parts.notice("good", h("p", { role = "status" }, say(view, "admin.scripts.good")))
end

acts["try"] = function(view, draft, files, values)
  local doc = site.try(files, { deploy = math.tointeger(tonumber(values.deploy)) })
  draft.result = #doc.problems > 0 and mistakes(view, doc.problems) or script_trial(view, doc)
end

-- What is in force now is not what was edited: shows both, and the next attempt replaces it.
local function show_lost_update(view, draft)
  local now = site.current()
  local text = packing.unpack(now.files)[draft.path] or ""
  draft.status = 412
  draft.result = parts.notice("warn",
    h("p", { role = "alert" }, say(view, "admin.scripts.changed", { number = now.number })),
    scripts.difference(text, draft.text) or say_p(view, "admin.scripts.same"))
end

local function change(view, draft, files, values)
  local is_done, result = refusal.catch(site.put, files, {
    who = view.who, source = "page", note = values.note or draft.path, expected = values.hash,
  })
  if is_done then
    return answer.see_other(parts.href(PATH, { done = result.number }))
  elseif result.code == "site_changed" then
    show_lost_update(view, draft)
  elseif result.code == "site_invalid" then
    draft.status, draft.result = 422, mistakes(view, result.options.more.problems)
  else
    error(result, 0)
  end
end
acts.activate, acts.delete = change, change

--- Does what the button says. Waits.
---@return AdminPage|Reply
function editor.act(view, values, req)
  local path, act_name = values.file, acts[values.act] and values.act or "check"
  local is_change = acts[act_name] == change
  auth.allow(req, is_change and "change_site" or "try_site", {}, path)
  local draft = { path = path, text = typed(values), note = values.note }
  local files = packing.unpack(site.current().files)
  files[path] = act_name ~= "delete" and draft.text or nil
  local reply = acts[act_name](view, draft, files, values)
  return reply or page(view, site.current(), draft)
end

--- Puts a version into force again.
---@return Reply
function editor.back(view, values, req)
  local doc = site.back(req.params.number, { who = view.who, expected = values.hash })
  return answer.see_other(parts.href(PATH, { done = doc.number }))
end

return editor
