--- What the admin pages are made of: links that keep a filter, states, lists, forms. Pure.
local json = require "core.json"
local names = require "lib.base.names"
local elements = require "lib.pages.elements"
local html = require "lib.pages.html"
local parts = {}

local h, code, hidden = html.h, html.code, html.hidden
local say = elements.say

---@class View
---@field language string
---@field csrf string
---@field path string                   of this page
---@field query table<string, string>  its filter
---@field notice Element|nil           the result of a form, above the page

parts.say, parts.notice, parts.form = say, html.notice, elements.form

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

--- A link; `key`: of its text.
function parts.link(view, href, key, class)
  return h("a", { class = class, href = href }, say(view, key))
end

--- A link to an operation.
function parts.operation_link(id, text) return h("a", { href = "/deployment/" .. id }, text) end

--- A link to a workspace's page.
function parts.stack_link(name)
  return h("a", { href = "/admin/stacks/" .. name }, html.name(name))
end

-- Filters

--- The choices of a filter, the first of which is all.
---@param all string  key of its text
---@param key string  "admin.key.%s": key of the text of each value
---@param values string[]
function parts.choices(view, all, key, values)
  local list = { { "", say(view, all) } }
  for i, value in ipairs(values) do list[i + 1] = { value, say(view, key:format(value)) } end
  return list
end

-- A new filter begins at the first page of each list.
local cursors = { "after", "before", "from", "invites", "tokens" }

--- Choices as links: { { value, text, count or nil }, ... }.
---@param label string  key of what they choose
function parts.chips(view, name, label, choices)
  local items = {}
  for i, choice in ipairs(choices) do
    local value, text, count = choice[1], choice[2], choice[3]
    local is_current = (view.query[name] or "") == value
    local href = with(view, name, value, cursors)
    items[i] = h("li", {}, h("a", { href = href, ["aria-current"] = is_current and "true" },
      text, count and { " ", h("b", {}, count) }))
  end
  return h("nav", { class = "chips", ["aria-label"] = say(view, label) }, h("ul", {}, items))
end

--- The filter that shows the entries of one name or owner only, with a link to all.
---@param key string  of the text before its value
function parts.only(view, name, key)
  local value = view.query[name]
  return value and h("p", {}, say(view, key), " ", code(value), " ",
    parts.link(view, view.path, "admin.all"))
end

--- The search of a list.
---@param key string     of its label
---@param kept string[]  other filters that stay
---@param more Element|nil  further fields
function parts.search(view, key, kept, more)
  local keep, label = {}, say(view, key)
  for i, name in ipairs(kept) do keep[i] = view.query[name] and hidden(name, view.query[name]) end
  return h("form", { class = "search", method = "get", action = view.path, role = "search" }, keep,
    h("label", { ["for"] = "search", class = "unseen" }, label),
    h("input", { type = "search", id = "search", name = "search", value = view.query.search,
      placeholder = label, autocomplete = "off", autocapitalize = "none", spellcheck = "false",
      maxlength = "200" }),
    more, h("button", { type = "submit", class = "small" }, say(view, "admin.search.button")))
end

--- The rows of a complete list of which one of the fields contains the search.
---@param search string|nil
function parts.found(list, search, ...)
  if not search then return list end
  local fields, found = { ... }, {}
  for _, row in ipairs(list) do
    local texts = {}
    for i, field in ipairs(fields) do texts[i] = row[field] or "" end
    local text = table.concat(texts, " "):lower()
    if text:find(search:lower(), 1, true) then found[#found + 1] = row end
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

--- The buttons for what is selected: { { action, text's key, class or nil }, ... }.
---@param method string  "get": the next page only asks
function parts.bar(view, method, path, choices)
  local buttons = {}
  for i, choice in ipairs(choices) do
    buttons[i] = h("button", { type = "submit", name = "act", value = choice[1],
      class = "small " .. (choice[3] or "") }, say(view, choice[2]))
  end
  return h("form", { id = "picked", class = "bar", method = method, action = path },
    method == "post" and hidden("csrf", view.csrf),
    h("p", { id = "picked-count", class = "hush" }, say(view, "admin.picked")),
    h("div", { class = "row" }, buttons))
end

-- The fields of a deletion: whether the files go too, and the word to type.
local function deletion(view, word, mistake)
  return {
    elements.files_box(view),
    h("label", { ["for"] = "confirm" }, elements.named(view, "page.delete.confirm", word)),
    html.text_input { id = "confirm", name = "confirm", required = true,
      ["aria-describedby"] = mistake and "trouble", ["aria-invalid"] = mistake and "true" },
    mistake and h("p", { class = "wrong", id = "trouble", role = "alert" }, mistake),
  }
end

--- The question before an action.
---@param ask { what: string, path: string, fields: table|nil, action: string, word: string|nil,
--- mistake: string|nil, back: Element }  keys of what it does and of its button; word: to type
--- before a deletion; mistake: why it is asked again; back: the link away
function parts.question(view, ask)
  return {
    h("p", {}, say(view, ask.what)),
    h("div", { class = "ask" }, parts.form(view, ask.path, ask.fields,
      ask.word and deletion(view, ask.word, ask.mistake),
      h("p", { class = "row" },
        h("button", { type = "submit", class = ask.word and "danger" or "primary" },
          say(view, ask.action)), ask.back))),
  }
end

--- What is wrong with what was typed to confirm a deletion; nil when it is the word.
---@param typed string|nil
---@return string|nil mistake
function parts.mistake(view, typed, word)
  if names.fold(typed or "") == word then return nil end
  return say(view, "page.delete.mismatch", { name = word })
end

--- A field under its label.
---@param key string  of the label
function parts.field(view, id, key, control)
  return h("div", { class = "field" }, h("label", { ["for"] = id }, say(view, key)), control)
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
function parts.select(view, name, key, choices)
  local id = "f-" .. name
  return { h("label", { ["for"] = id, class = "unseen" }, say(view, key)),
    parts.options(id, name, choices, view.query[name] or "") }
end

-- Values

local at_rest = {
  ready = "ready", unhealthy = "unhealthy", stopped = "stopped", asleep = "stopped",
  cancelled = "cancelled",
  deleted = "deleted", failed = "bad",
}

--- A state with its mark: text, so never by colour alone.
function parts.state(state, text)
  local class = at_rest[state] or "running"
  return h("span", { class = "mark " .. class }, h("span", { class = "state" }, text))
end

-- How a value is shown, by the name that lists use for it.
local shown = {}

function shown.code(text) return code(text) end

--- A point in time; www/admin.js writes it in the visitor's language and time zone.
function shown.time(iso)
  local day, minute = iso:match("^(%S+)T(%d+:%d+)")
  return h("time", { datetime = iso, class = "moment" }, ("%s %s UTC"):format(day, minute))
end

function shown.memory(bytes, view)
  local key, unit = "admin.size.mib", 2 ^ 20
  if bytes >= 2 ^ 30 then key, unit = "admin.size.gib", 2 ^ 30 end
  local text = say(view, key, { size = ("%.3g"):format(bytes / unit) })
  return h("span", { class = "short" }, text)
end

-- An identifier that is not broken over lines.
function shown.word(text) return h("span", { class = "short" }, code(text)) end

-- The end of a long id: ids begin with the time, so their ends tell them apart.
function shown.short(id) return shown.word(#id > 12 and "…" .. id:sub(-9) or id) end

--- A value that may be missing, shown as "time", "memory", "word", "short" or "code".
function parts.show(view, how, value) return value and shown[how](value, view) end

-- What a column or entry { label, field, how } shows of an item; see parts.list.
local function shown_of(view, item, column)
  local field, how, value = column[2], column[3], item
  if type(field) == "function" then return field(view, item) end
  for name in field:gmatch("[^.]+") do value = value and value[name] end
  if value == nil or not how then return value end
  if shown[how] then return shown[how](value, view) end
  return say(view, how:format(value))
end

--- Labels and values of an item: { { key of the label, field, how }, ... } as in parts.list.
function parts.values(view, item, entries)
  local rows = {}
  for i, entry in ipairs(entries) do
    local value = shown_of(view, item, entry)
    rows[i] = value and h("div", { class = "value" }, h("dt", {}, say(view, entry[1])),
      h("dd", {}, h("span", {}, value)))
  end
  return h("dl", { class = "values" }, rows)
end

--- The field of a list that opens to the values of an item.
function parts.details(entries)
  return function(view, item)
    return h("details", {}, h("summary", {}, say(view, "admin.more")),
      parts.values(view, item, entries))
  end
end

-- Lists

local nothing = h("span", { class = "hush" }, "–")

local function head(view, column)
  local label = say(view, column[1])
  return h("th", { scope = "col", role = "columnheader", class = column.class },
    column.is_hidden and h("span", { class = "unseen" }, label) or label)
end

-- A cell. As part of a card it has its column's label as well.
local function cell(view, column, item)
  local class, value = column.class, shown_of(view, item, column)
  if column.is_head then
    return h("th", { class = class, scope = "row", role = "rowheader" }, value)
  end
  if column.is_hidden then return h("td", { class = class, role = "cell" }, value) end
  local props = { class = class, role = "cell", ["data-label"] = say(view, column[1]) }
  return h("td", props, h("div", {}, value or nothing))
end

-- A table that becomes cards on a narrow screen; roles are explicit because browsers drop them from
-- tables that are laid out as cards.
local function table_of(view, list, items)
  local heads, lines = {}, {}
  for i, column in ipairs(list) do heads[i] = head(view, column) end
  for i, item in ipairs(items) do
    local cells, id = {}, list.id and list.id .. item[list.id_field]
    for j, column in ipairs(list) do cells[j] = cell(view, column, item) end
    lines[i] = h("tr", { role = "row", id = id }, cells)
  end
  return h("table", { role = "table" },
    h("caption", { class = "unseen" }, say(view, list.caption)),
    h("thead", { role = "rowgroup" }, h("tr", { role = "row" }, heads)),
    h("tbody", { role = "rowgroup" }, lines))
end

-- Links to the next page, and to the first one unless this is it.
local function pager(view, cursor, next_value)
  local function link(value, key)
    return parts.link(view, with(view, cursor, value), key, "button small")
  end
  local first = view.query[cursor] and link(false, "admin.page.first")
  local more = next_value and next_value ~= json.null and link(next_value, "plain.more")
  return (first or more) and h("p", { class = "row pager" }, first, more)
end

--- What a list looks like: columns { key of the label, field ("a.b") or fun(view, item), how,
--- is_hidden = no visible label, is_head = names the row, class }. how: as in parts.show, or a key
--- of texts with %s for the value.
---@class List
---@field caption string       key of its name
---@field empty string|nil     key of the text when nothing was searched for
---@field id string|nil        how the ids of rows begin
---@field id_field string|nil  how they go on
---@field cursor string|nil    the query parameter for its next page

--- One page of a list.
---@param list List
---@param items table[]
---@param next_value any  the cursor of the next page
function parts.list(view, list, items, next_value)
  local query = view.query
  local is_filtered = query.search or query.state or query.kind or query.owner
  local empty = is_filtered and "admin.nothing" or list.empty
  return {
    #items > 0 and table_of(view, list, items) or h("p", { class = "empty" }, say(view, empty)),
    list.cursor and pager(view, list.cursor, next_value),
  }
end

--- A part of a page under a heading.
function parts.section(title, ...)
  return h("section", { class = "part" }, h("h2", {}, title), ...)
end

return parts
