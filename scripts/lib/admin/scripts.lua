--- The admin page "Scripts": the installation's own files in force, their versions, mistakes while
--- running, events that hooks have not got, schedules.
local parts = require "lib.admin.parts"
local script_files = require "lib.admin.script_files"
local site = require "lib.admin.site"
local clock = require "lib.base.clock"
local line_diff = require "lib.base.line_diff"
local packing = require "lib.base.packing"
local refusal = require "lib.base.refusal"
local outbox = require "lib.journal.outbox"
local html = require "lib.pages.html"
local faults = require "lib.site.faults"
local schedule = require "lib.site.schedule"
local scripts = {}

local h, code, say = html.h, html.code, parts.say

local PATH = "/admin/scripts"
local MOST_EVENTS = 50 -- that are listed


--- Text of a program, with its lines as they are.
function scripts.source(text)
  return h("pre", { class = "source", dir = "ltr", tabindex = "0" }, text)
end

--- Problems by file and line.
---@param problems Problem[]
function scripts.problems(problems)
  local items = {}
  for i, problem in ipairs(problems) do
    local line = problem.line > 0 and ":" .. problem.line or ""
    items[i] = h("li", {}, problem.file ~= "" and { code(problem.file .. line), " " },
      h("bdi", { dir = "auto" }, problem.message))
  end
  return h("ul", { class = "problems" }, items)
end

--- How a text differs from another, or nothing when it does not.
function scripts.difference(old, new)
  local lines = {}
  for i, edit in ipairs(line_diff.of(old, new)) do
    local sign, text = edit[1], edit[2]
    local tag = sign == "-" and "del" or sign == "+" and "ins" or "span"
    lines[i] = h(tag, {}, (sign == "@" and "@ " or sign) .. text .. "\n")
  end
  return #lines > 0 and scripts.source(lines)
end

-- What is in force

local function source(view, doc) return say(view, "admin.scripts.source." .. doc.source) end
local function author(_, doc) return doc.author and h("bdi", {}, doc.author) end
local function note(_, doc) return doc.note and h("bdi", {}, doc.note) end

local in_force = {
  { "admin.scripts.number", "number" }, { "admin.when", "at", "time" },
  { "admin.scripts.by", author }, { "admin.scripts.source", source },
  { "admin.scripts.note", note },
}

local function current(view, doc)
  return parts.section(say(view, "admin.scripts.in_force"),
    doc.number > 0 and parts.values(view, doc, in_force)
      or h("p", { class = "empty" }, say(view, "admin.scripts.none")))
end

local function notices(view, doc)
  return {
    not doc.editable and parts.notice("", h("p", {}, say(view, "admin.scripts.read_only"))),
    doc.problems and parts.notice("bad",
      h("p", {}, say(view, "admin.scripts.disk_refused", { folder = doc.folder })),
      scripts.problems(doc.problems)),
  }
end

-- Files

local function sorted_paths(files)
  local paths = {}
  for path in pairs(files) do paths[#paths + 1] = path end
  table.sort(paths)
  return paths
end

local function purpose(view, path)
  local place = script_files.place_of(path)
  return place and say(view, "admin.scripts.place." .. place.key)
end

-- `page`: of each of them.
local function file_list(view, paths, page)
  local items = {}
  for i, path in ipairs(paths) do
    local href = parts.href(PATH .. (page or "/file"), { file = path })
    items[i] = h("li", {}, h("a", { href = href }, code(path)),
      h("span", { class = "hush" }, purpose(view, path)))
  end
  return h("ul", { class = "files" }, items)
end

local function unused_places(files)
  local paths = {}
  for _, place in ipairs(script_files.places) do
    if not files[place.path] then paths[#paths + 1] = place.path end
  end
  return paths
end

local function open_form(view)
  return h("form", { class = "search", method = "get", action = PATH .. "/file" },
    h("label", { ["for"] = "file", class = "unseen" }, say(view, "admin.scripts.path")),
    html.text_input { id = "file", name = "file", required = true, maxlength = "200",
      placeholder = "steps/my_step.lua" },
    h("button", { type = "submit", class = "small" }, say(view, "admin.scripts.open")))
end

local function files(view, doc)
  local paths = sorted_paths(doc.files)
  return parts.section(say(view, "admin.scripts.files"),
    #paths > 0 and file_list(view, paths)
      or h("p", { class = "empty" }, say(view, "admin.scripts.no_files")),
    doc.editable and h("details", { class = "new" },
      h("summary", {}, say(view, "admin.scripts.add")),
      h("p", { class = "hush" }, say(view, "admin.scripts.add.text")),
      file_list(view, unused_places(doc.files)),
      h("p", { class = "hush" }, say(view, "admin.scripts.path")), open_form(view)),
    h("details", { class = "new" }, h("summary", {}, say(view, "admin.scripts.shipped")),
      h("p", { class = "hush" }, say(view, "admin.scripts.shipped.text")),
      file_list(view, script_files.shipped_paths(), "/shipped")))
end

-- Mistakes while running

local function message(view, fault)
  return {
    h("bdi", { dir = "auto" }, fault.message),
    fault.traceback and h("details", {}, h("summary", {}, say(view, "admin.scripts.traceback")),
      scripts.source(fault.traceback)),
  }
end

local fault_list = {
  caption = "admin.scripts.faults",
  { "admin.scripts.where", "where", "code", is_head = true },
  { "admin.scripts.message", message, class = "broad" }, { "admin.scripts.count", "count" },
  { "admin.when", "at", "time" }, { "admin.request", "request", "code" },
}

local function fault_section(view)
  local list = faults.list()
  for _, fault in ipairs(list) do fault.at = clock.iso(fault.last) end
  if #list == 0 then return nil end
  return parts.section(say(view, "admin.scripts.faults"), parts.list(view, fault_list, list))
end

-- Events that hooks and webhooks have not got

local function event_state(view, row)
  local is_failed = row.failed_at ~= nil
  return parts.state(is_failed and "failed" or "running",
    say(view, is_failed and "admin.scripts.given_up" or "admin.scripts.waiting"))
end

local function event_buttons(view, row)
  local path, about = ("%s/outbox/%d/"):format(PATH, row.id), row.target .. " " .. row.name
  return h("div", { class = "row" },
    parts.button(view, path .. "retry", "admin.scripts.retry", about),
    parts.button(view, path .. "drop", "admin.scripts.drop", about, "small wary"))
end

local function error_text(_, row) return row.error and h("bdi", { dir = "auto" }, row.error) end

local event_list = {
  caption = "admin.scripts.outbox", id = "event-", id_field = "id",
  { "admin.scripts.target", "target", "code", is_head = true },
  { "admin.scripts.event", "type", "word" }, { "admin.stack", "name", "word" },
  { "admin.state", event_state }, { "admin.scripts.error", error_text, class = "broad" },
  { "admin.scripts.next", "next", "time" }, { "admin.do", event_buttons, is_hidden = true },
}

local function event_section(view)
  local rows = refusal.check(outbox.list { limit = MOST_EVENTS })
  if #rows == 0 then return nil end
  for _, row in ipairs(rows) do row.next = not row.failed_at and clock.iso(row.next_at) or nil end
  return parts.section(say(view, "admin.scripts.outbox"), parts.list(view, event_list, rows))
end

local schedule_list = {
  caption = "admin.scripts.schedules",
  { "admin.label", function(_, row) return h("bdi", {}, row.name) end, is_head = true },
  { "admin.scripts.cron", function(_, row) return code(row.cron .. " " .. row.zone) end },
  { "admin.scripts.last", "last", "time" }, { "admin.scripts.next", "next", "time" },
  { "admin.scripts.error", error_text },
}

local function schedule_section(view)
  local rows = refusal.check(schedule.list())
  if #rows == 0 then return nil end
  for _, row in ipairs(rows) do
    row.last, row.next = clock.iso(row.began_at), clock.iso(row.next_at)
  end
  return parts.section(say(view, "admin.scripts.schedules"), parts.list(view, schedule_list, rows))
end

-- Versions

local function number_link(_, row)
  return h("a", { href = ("%s/versions/%d"):format(PATH, row.number) }, row.number)
end

local function state(view, row)
  if row.is_in_force then return parts.state("ready", say(view, "admin.scripts.in_force")) end
  local mark = row.state == "good" and "stopped" or "bad"
  return parts.state(mark, say(view, "admin.scripts.state." .. row.state))
end

local version_list = {
  caption = "admin.scripts.versions", empty = "admin.scripts.none",
  id = "version-", id_field = "number",
  { "admin.scripts.number", number_link, is_head = true }, { "admin.when", "at", "time" },
  { "admin.scripts.by", author }, { "admin.scripts.source", source },
  { "admin.scripts.note", note, class = "broad" }, { "admin.state", state },
}

local function version_section(view)
  local doc = site.versions()
  for _, version in ipairs(doc.versions) do
    version.is_in_force = version.number == doc.inForce
  end
  if #doc.versions == 0 then return nil end
  return parts.section(say(view, "admin.scripts.versions"),
    parts.list(view, version_list, doc.versions))
end

--- The page.
---@return AdminPage
function scripts.page(view, values)
  local doc = site.current()
  local done = values.done == doc.number and doc.number > 0
  view.notice = done and parts.notice("good", h("p", { role = "status" },
    say(view, "admin.scripts.done", { number = doc.number }))) or view.notice
  return {
    title = "admin.nav.scripts", kinds = "site outbox portal",
    main = {
      h("p", { class = "hush" }, say(view, "admin.scripts.text")), notices(view, doc),
      current(view, doc), fault_section(view), event_section(view), files(view, doc),
      schedule_section(view), version_section(view),
    },
  }
end

local function all_differences(view, old, new)
  local both, found = {}, {}
  for _, list in ipairs { old, new } do
    for path in pairs(list) do both[path] = true end
  end
  for _, path in ipairs(sorted_paths(both)) do
    local was, is = old[path] or "", new[path] or ""
    if old[path] ~= new[path] then
      found[#found + 1] = { h("h3", {}, code(path)), utf8.len(was) and utf8.len(is)
        and scripts.difference(was, is) or h("p", {}, say(view, "admin.scripts.binary")) }
    end
  end
  return found
end

--- A version: what it is, how its files differ from those in force, and the button.
---@return AdminPage
function scripts.version(view, _, req)
  local doc, now = site.version(req.params.number), site.current()
  local old, new = packing.unpack(now.files), packing.unpack(doc.files)
  local differences = all_differences(view, old, new)
  return {
    heading = say(view, "admin.scripts.version", { number = doc.number }),
    crumb = parts.link(view, PATH, "admin.nav.scripts"),
    main = {
      parts.values(view, doc, in_force),
      parts.section(say(view, "admin.scripts.difference"),
        #differences > 0 and differences or h("p", {}, say(view, "admin.scripts.same"))),
      now.editable and #differences > 0 and parts.form(view,
        ("%s/versions/%d/activate"):format(PATH, doc.number), { hash = now.hash },
        h("p", { class = "row" },
          h("button", { type = "submit", class = "primary" }, say(view, "admin.scripts.again")))),
    },
  }
end

return scripts
