--- The frame of the admin pages: www/admin.html, filled in for each request.
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local page = require "lib.pages"
local frame = {}

local h, say = html.h, elements.say

local templates = {}
for _, language in ipairs(i18n.languages()) do
  local texts = i18n.group(language.code, "admin.live.")
  texts["live.copied"] = i18n.text(language.code, "live.copied")
  templates[language.code] = page.template("www/admin.html", language.code, { texts = texts })
end

local sections = {
  "overview", "stacks", "operations", "queue", "leftovers", "findings", "audit", "access",
}

local function navigation(view, current)
  local list = {}
  for i, section in ipairs(sections) do
    local href = section == "overview" and "/admin" or "/admin/" .. section
    local props = { href = href, ["aria-current"] = section == current and "page" }
    list[i] = h("a", props, say(view, "admin.nav." .. section))
  end
  local label = say(view, "admin.sections")
  return h("nav", { class = "sections", ["aria-label"] = label }, list)
end

--- What a page is made of. `main` is asked for again when something of its `kinds` changes
--- (lib/journal/change_events.lua); `tools` above it stay.
---@class AdminPage
---@field title string
---@field section string|nil  nil: not logged in
---@field main Element[]
---@field tools Element|nil
---@field crumb Element|nil
---@field kinds string|nil
---@field status integer|nil

--- The reply that is this page.
---@param req Request
---@param view View
---@param made AdminPage
---@return Reply
function frame.reply(req, view, made)
  return templates[view.language].reply(req, {
    title = ("%s · %s"):format(made.title, say(view, "admin.title")), heading = made.title,
    sections = made.section and navigation(view, made.section),
    logout = view.session and elements.button(view, "/admin/logout", say(view, "admin.logout")),
    tools = made.tools, main = made.main, crumb = made.crumb, kinds = made.kinds or "",
    after = view.after,
  }, { status = made.status, private = true })
end

return frame
