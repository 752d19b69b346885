--- Sections of the admin pages that are shown both at their address and as the answer to a form.
local drift = require "lib.admin.drift"
local drift_list = require "lib.admin.drift_list"
local keys = require "lib.admin.keys"
local lists = require "lib.admin.lists"
local parts = require "lib.admin.parts"
local stacks = require "lib.admin.stacks"
local page = require "lib.pages"
local sections = {}

local h, say = page.h, parts.say

--- The link back to the list of workspaces.
function sections.stacks_crumb(view)
  return h("a", { href = "/admin/stacks" }, say(view, "admin.nav.stacks"))
end

--- The question before an action on workspaces.
---@param view View
---@param action string  of lib/admin/bulk.lua
---@param list string[]
---@param mistake string|nil  why it is asked again
---@return AdminPage
function sections.ask_action(view, action, list, mistake)
  return {
    title = stacks.question_title(view, action, list), crumb = sections.stacks_crumb(view),
    main = stacks.question(view, action, list, mistake), status = mistake and 422,
  }
end

--- Drift.
---@param values { limit: integer, before: integer|nil, all: boolean|nil }
---@param notice Element|nil  the result of an action
---@return AdminPage
function sections.drift(view, values, notice)
  return {
    title = say(view, "admin.nav.findings"), tools = notice,
    main = drift.list(view, drift_list.page(values, view.language)), kinds = "findings operations",
  }
end

--- The question before an entry is removed.
---@return AdminPage
function sections.ask_remove(view, row, mistake)
  return {
    title = say(view, "admin.finding.ask", { name = row.name }),
    main = drift.question(view, row, mistake), status = mistake and 422,
  }
end

-- The two lists share their search, and each has its own cursor.
local function filter_of(values, cursor)
  return {
    search = values.search, state = values.state, limit = values.limit, after = values[cursor],
  }
end

--- Invites and tokens.
---@param notice Element|nil  a secret that was just created
---@return AdminPage
function sections.access(view, values, notice, status)
  local invites = lists.invites(filter_of(values, "invites"))
  local tokens = lists.tokens(filter_of(values, "tokens"))
  return {
    title = say(view, "admin.nav.access"),
    tools = { notice, keys.forms(view), keys.search(view) },
    main = keys.lists(view, invites, tokens), kinds = "access operations", status = status,
  }
end

return sections
