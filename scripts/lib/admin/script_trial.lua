--- What a trial of changed scripts found, for the admin page: past decisions that would be others,
--- and deployments on a simulated Dokploy. Called with the document of site.try.
local parts = require "lib.admin.parts"
local scripts = require "lib.admin.scripts"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"

local h, code, say = html.h, html.code, parts.say

local function result(view, decided)
  local word = decided.result == "yes" and say(view, "admin.allowed") or code(decided.result)
  return { word, h("span", { class = "hush" }, " ", code(decided.rule)) }
end

local function person(view, change)
  local kind = change.who.kind
  local key = "admin.who." .. kind
  return { i18n.has(key) and say(view, key) or kind, " ",
    code(table.concat(change.who.groups, " ")) }
end

local function action(view, change)
  local key = "admin.did." .. change.action
  return { i18n.has(key) and say(view, key) or code(change.action), " ",
    change.name and code(change.name) }
end

local change_list = {
  caption = "admin.scripts.changes",
  { "admin.when", "at", "time", is_head = true }, { "admin.who", person }, { "admin.did", action },
  { "admin.scripts.before", function(view, row) return result(view, row.before) end },
  { "admin.scripts.after", function(view, row) return result(view, row.after) end },
}

local step_list = {
  caption = "admin.scripts.step_times",
  { "admin.scripts.step", "step", "code", is_head = true },
  { "admin.scripts.count", "count" },
  { "admin.scripts.seconds", function(_, row) return ("%.2f"):format(row.seconds) end },
  { "admin.scripts.longest", function(_, row) return ("%.2f"):format(row.longest) end },
}

local function consequences(view, replay)
  local items = {}
  for _, name in ipairs(replay.names) do
    items[#items + 1] = h("li", {}, say(view, "admin.scripts.name_refused", name))
  end
  for _, template in ipairs(replay.templates) do
    items[#items + 1] = h("li", {}, say(view, "admin.scripts.template." .. template.change,
      { id = template.id, count = template.workspaces }))
  end
  return #items > 0 and h("ul", { class = "problems" }, items)
end

local function found_faults(replay)
  local problems = {}
  for i, fault in ipairs(replay.faults) do
    problems[i] = { file = fault.where, line = 0, message = fault.message }
  end
  return #problems > 0 and scripts.problems(problems)
end

local function rehearsal(view, done)
  local reasons = {}
  for reason, count in pairs(done.reasons) do
    reasons[#reasons + 1] = ("%s %d"):format(reason, count)
  end
  table.sort(reasons)
  return {
    h("p", {}, say(view, "admin.scripts.rehearsed", done)),
    #reasons > 0 and h("p", {}, code(table.concat(reasons, ", "))),
    parts.list(view, step_list, done.steps),
  }
end

return function(view, doc)
  local replay = doc.replay
  return parts.section(say(view, "admin.scripts.trial"),
    h("p", {}, say(view, "admin.scripts.replayed", replay)),
    #replay.changes > 0 and parts.list(view, change_list, replay.changes),
    consequences(view, replay), found_faults(replay),
    doc.rehearsal and rehearsal(view, doc.rehearsal))
end
