--- What the admin pages are made of: links that keep a filter, states, tables, forms. Pure.
local json = require "core.json"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local parts = {}

local h, hidden = html.h, html.hidden
local say = elements.say

---@class View
---@field language string
---@field csrf string
---@field path string                   of this page
---@field query table<string, string>  its filter

parts.say, parts.notice, parts.hidden, parts.form = say, html.notice, hidden, elements.form

-- Links

local function encoded(text)
  return (text:gsub("[^%w_.~-]", function(sign) return ("%%%02X"):format(sign:byte()) end))
end

--- A path with a query, in a fixed order. Empty and false values are left out.
---@param path string
---@param query table<string, string|number|boolean|nil>
---@return string
function parts.href(path, query)
  local list = {}
  for name, value in pairs(query) do
    if value and value ~= "" then
      list[#list + 1] = encoded(name) .. "=" .. encoded(tostring(value))
    end
  end
  table.sort(list)
  return #list > 0 and path .. "?" .. table.concat(list, "&") or path
end

-- The URL of this page with another value in its query; false removes it.
local function with(view, name, value, reset)
  local query = { lang = false }
  for key, kept in pairs(view.query) do query[key] = query[key] == nil and kept end
  for _, cursor in ipairs(reset or {}) do query[cursor] = false end
  query[name] = value
  return parts.href(view.path, query)
end

-- A new filter begins at the first page of each list.
local cursors = { "after", "before", "from", "invites", "tokens" }

--- Choices as links: { { value, label, count or nil }, ... }.
function parts.chips(view, name, label, choices)
  local items = {}
  for i, choice in ipairs(choices) do
    local value, text, count = choice[1], choice[2], choice[3]
    local is_current = (view.query[name] or "") == value
    local href = with(view, name, value, cursors)
    items[i] = h("li", {}, h("a", { href = href, ["aria-current"] = is_current and "true" },
      text, count and { " ", h("b", {}, count) }))
  end
  return h("nav", { class = "chips", ["aria-label"] = label }, h("ul", {}, items))
end

--- Links to the next page, and to the first one unless this is it.
function parts.pager(view, cursor, next_value)
  if next_value == json.null then next_value = nil end
  local function link(value, key)
    return h("a", { class = "button small", href = with(view, cursor, value) }, say(view, key))
  end
  local first = view.query[cursor] and link(false, "admin.page.first")
  local more = next_value and link(next_value, "plain.more")
  return (first or more) and h("p", { class = "row pager" }, first, more)
end

--- The rows of a complete list that match a search.
---@param search string|nil
---@param text_of fun(row): string  what is searched in
function parts.found(list, search, text_of)
  if not search then return list end
  local found = {}
  for _, row in ipairs(list) do
    if text_of(row):lower():find(search:lower(), 1, true) then found[#found + 1] = row end
  end
  return found
end

--- One page of such a list, and the position at which the next one begins.
---@param which { from: integer|nil, limit: integer }
function parts.slice(list, which)
  local first = math.max(1, math.min(which.from or 1, #list))
  local next_first = first + which.limit
  local rows = table.move(list, first, math.min(next_first - 1, #list), 1, {})
  return rows, next_first <= #list and next_first or nil
end

--- A link to an operation.
function parts.operation_link(id, text) return h("a", { href = "/deployment/" .. id }, text) end

--- A link to a workspace's page.
function parts.stack_link(name)
  return h("a", { href = "/admin/stacks/" .. name }, html.name(name))
end

-- Forms

--- A form that is one button; `about` names what it acts on, for screen readers.
function parts.button(view, path, key, about, class)
  local label = say(view, key)
  return elements.button(view, path, label, nil,
    { class = class or "small", ["aria-label"] = label .. " " .. about })
end

--- The box that selects a row of a list, for parts.bar.
function parts.pick(view, id, name)
  return h("input", { type = "checkbox", class = "pick", name = "pick." .. id, value = "on",
    form = "picked", ["aria-label"] = say(view, "admin.pick", { name = name }) })
end

--- The buttons for what is selected: { { action, text, class or nil }, ... }.
---@param method string  "get": the next page only asks
function parts.bar(view, method, path, choices)
  local buttons = {}
  for i, choice in ipairs(choices) do
    buttons[i] = h("button", { type = "submit", name = "act", value = choice[1],
      class = "small " .. (choice[3] or "") }, choice[2])
  end
  return h("form", { id = "picked", class = "bar", method = method, action = path },
    method == "post" and hidden("csrf", view.csrf),
    h("p", { id = "picked-count", class = "hush" }, say(view, "admin.picked")),
    h("div", { class = "row" }, buttons))
end

--- The fields of a deletion: whether the files go too, and the word to type.
---@param word string
---@param mistake string|nil  why it is asked again
function parts.deletion(view, word, mistake)
  return {
    h("label", { class = "tick" },
      h("input", { type = "checkbox", name = "data", value = "delete" }),
      h("span", {}, say(view, "page.delete.data"))),
    h("label", { ["for"] = "confirm" }, say(view, "page.delete.confirm", { name = word })),
    html.text_input { id = "confirm", name = "confirm", required = true,
      ["aria-describedby"] = mistake and "trouble", ["aria-invalid"] = mistake and "true" },
    mistake and h("p", { class = "wrong", id = "trouble", role = "alert" }, mistake),
  }
end

--- The search of a list.
---@param kept string[]  other choices that stay
---@param more Element|nil  further fields
function parts.search(view, label, kept, more)
  local keep = {}
  for i, name in ipairs(kept) do keep[i] = view.query[name] and hidden(name, view.query[name]) end
  return h("form", { class = "search", method = "get", action = view.path, role = "search" }, keep,
    h("label", { ["for"] = "search", class = "unseen" }, label),
    h("input", { type = "search", id = "search", name = "search", value = view.query.search,
      placeholder = label, autocomplete = "off", autocapitalize = "none", spellcheck = "false",
      maxlength = "200" }),
    more, h("button", { type = "submit", class = "small" }, say(view, "admin.search.button")))
end

--- A field under its label.
function parts.field(id, label, control)
  return h("div", { class = "field" }, h("label", { ["for"] = id }, label), control)
end

--- A <select>: { { value, text }, ... }.
function parts.options(id, name, choices, chosen)
  local options = {}
  for i, choice in ipairs(choices) do
    local value, text = choice[1], choice[2]
    options[i] = h("option", { value = value, selected = value == chosen }, text)
  end
  return h("select", { id = id, name = name }, options)
end

--- A <select> of a search, which needs no visible label.
function parts.select(view, name, label, choices)
  local id = "f-" .. name
  local control = parts.options(id, name, choices, view.query[name] or "")
  return { h("label", { ["for"] = id, class = "unseen" }, label), control }
end

-- Values

--- A point in time; www/admin.js writes it in the visitor's language and time zone.
function parts.time(iso)
  if not iso then return nil end
  local day, minute = iso:match("^(%S+)T(%d+:%d+)")
  return h("time", { datetime = iso, class = "moment" }, ("%s %s UTC"):format(day, minute))
end

--- An amount of memory.
function parts.memory(view, bytes)
  if not bytes then return nil end
  local key, unit = "admin.size.mib", 2 ^ 20
  if bytes >= 2 ^ 30 then key, unit = "admin.size.gib", 2 ^ 30 end
  local text = say(view, key, { size = ("%.3g"):format(bytes / unit) })
  return h("span", { class = "short" }, text)
end

--- An identifier that is not broken over lines.
function parts.word(text) return h("span", { class = "short" }, html.code(text)) end

--- The end of a long id: ids begin with the time, so their ends tell them apart.
function parts.short(id) return id and parts.word(#id > 12 and "…" .. id:sub(-9) or id) end

--- A value in code, or nothing.
function parts.maybe(text) return text and html.code(text) end

local marks = { failed = "bad" }
local at_rest = {
  ready = true, unhealthy = true, stopped = true, cancelled = true, deleted = true, failed = true,
}

--- A state with its mark: text, so never by colour alone.
function parts.state(state, text)
  local class = marks[state] or at_rest[state] and state or "running"
  return h("span", { class = "mark " .. class }, h("span", { class = "state" }, text))
end

-- Tables

local nothing = h("span", { class = "hush" }, "–")

local function head(view, column)
  local label = say(view, column[1])
  return h("th", { scope = "col", role = "columnheader", class = column.class },
    column.is_hidden and h("span", { class = "unseen" }, label) or label)
end

-- A cell. As part of a card it has its column's label as well.
local function cell(view, column, value)
  local class = column.class
  if column.is_head then
    return h("th", { class = class, scope = "row", role = "rowheader" }, value)
  end
  if column.is_hidden then return h("td", { class = class, role = "cell" }, value) end
  local props = { class = class, role = "cell", ["data-label"] = say(view, column[1]) }
  return h("td", props, h("div", {}, value or nothing))
end

--- A table that becomes cards on a narrow screen; roles are explicit because browsers drop them
--- from tables that are laid out as cards.
---@param caption string  key of its name
---@param columns table[]  { key of the label, class?, is_hidden?: no visible label, is_head?: names
---the row }
---@param rows table[]  cells in the order of the columns, and the row's id
function parts.table(view, caption, columns, rows)
  local heads, lines = {}, {}
  for i, column in ipairs(columns) do heads[i] = head(view, column) end
  for i, row in ipairs(rows) do
    local cells = {}
    for j, column in ipairs(columns) do cells[j] = cell(view, column, row[j]) end
    lines[i] = h("tr", { role = "row", id = row.id }, cells)
  end
  return h("table", { role = "table" }, h("caption", { class = "unseen" }, say(view, caption)),
    h("thead", { role = "rowgroup" }, h("tr", { role = "row" }, heads)),
    h("tbody", { role = "rowgroup" }, lines))
end

--- A table of a list, or a text where the list is empty.
---@param empty string  key of the text when nothing was searched for
---@param row_of fun(item): table
function parts.list(view, caption, columns, items, empty, row_of)
  local rows = {}
  for i, item in ipairs(items) do rows[i] = row_of(item) end
  if #rows > 0 then return parts.table(view, caption, columns, rows) end
  local query = view.query
  local is_filtered = query.search or query.state or query.kind or query.owner
  return h("p", { class = "empty" }, say(view, is_filtered and "admin.nothing" or empty))
end

--- Labels and values: { { key of the label, value or nil }, ... }.
function parts.values(view, list)
  local rows = {}
  for i, entry in ipairs(list) do
    local label, value = entry[1], entry[2]
    rows[i] = value and h("div", { class = "value" }, h("dt", {}, say(view, label)),
      h("dd", {}, h("span", {}, value)))
  end
  return h("dl", { class = "values" }, rows)
end

--- A part of a page under a heading.
function parts.section(title, ...)
  return h("section", { class = "part" }, h("h2", {}, title), ...)
end

return parts
