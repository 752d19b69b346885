--- The frame of the admin's pages: www/admin.html, filled in for each request.
local parts = require "lib.admin.parts"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"

local frame = {}
local h, say = page.h, parts.say

local shells = {}
for _, language in ipairs(i18n.languages()) do
  shells[language.code] = page.template("www/admin.html", language.code, { texts = i18n.group(language.code, "admin.live.") })
end

local sections = { "overview", "stacks", "operations", "queue", "leftovers", "findings", "audit", "access" }

local function address(section) return section == "overview" and "/admin" or "/admin/" .. section end

local function links(view, current)
  local list = {}
  for i, section in ipairs(sections) do
    list[i] = h("a", { href = address(section), ["aria-current"] = section == current and "page" }, say(view, "admin.nav." .. section))
  end
  return h("nav", { class = "sections", ["aria-label"] = say(view, "admin.sections") }, list)
end

local function logout(view)
  return parts.form(view, "/admin/logout", nil, h("button", { type = "submit", class = "small" }, say(view, "admin.logout")))
end

--- What a page is made of. Tools above and rest below stay as they are while `main` changes; kinds: the changes (lib/journal/change_events.lua) after
--- which `main` is looked at again.
---@class AdminPage
---@field title string
---@field section string|nil  nil: somebody who is not logged in
---@field main Element[]
---@field tools Element|nil
---@field rest Element|nil
---@field crumb Element|nil
---@field kinds string|nil
---@field status integer|nil

--- The reply that is this page.
---@param req Request
---@param view View
---@param made AdminPage
---@return Reply
function frame.reply(req, view, made)
  local html = shells[view.language].fill {
    title = ("%s · %s"):format(made.title, say(view, "admin.title")), heading = made.title,
    sections = made.section and links(view, made.section), logout = view.session and logout(view),
    tools = made.tools, main = made.main, rest = made.rest, crumb = made.crumb, kinds = made.kinds or "", after = view.after,
  }
  return page.reply(req, html, { status = made.status, private = true })
end

return frame
