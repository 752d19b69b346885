--- What the admin's pages are made of: links that keep a filter, times, states, tables, forms. Pure.
local json = require "core.json"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local parts = {}

local h = page.h
parts.code = page.code

---@class View
---@field language string
---@field csrf string
---@field path string                   of this page
---@field query table<string, string>  its filter

function parts.say(view, key, args) return i18n.text(view.language, key, args) end
local say = parts.say

-- Links ----------------------------------------------------------------------------------------------------------------

local function encoded(text)
  return (text:gsub("[^%w_.~-]", function(sign) return ("%%%02X"):format(sign:byte()) end))
end

--- A path with a query, in a fixed order.
---@param path string
---@param query table<string, string|number|boolean|nil>
---@return string
function parts.href(path, query)
  local pairs_of = {}
  for name, value in pairs(query) do
    if value and value ~= "" then pairs_of[#pairs_of + 1] = encoded(name) .. "=" .. encoded(tostring(value)) end
  end
  table.sort(pairs_of)
  return #pairs_of > 0 and path .. "?" .. table.concat(pairs_of, "&") or path
end

-- The address of this page with some of its query changed; false: without it.
local function changed(view, changes)
  local query = {}
  for name, value in pairs(view.query) do query[name] = value end
  query.lang = nil
  for name, value in pairs(changes) do query[name] = value end
  return parts.href(view.path, query)
end

-- Where the pages of lists begin: a new filter begins at its first page.
local cursors = { "after", "before", "from", "invites", "tokens" }

local function filtered(view, name, value)
  local changes = { [name] = value }
  for _, cursor in ipairs(cursors) do changes[cursor] = false end
  return changed(view, changes)
end

--- Choices as links, each with how many there are, where that is known: { { value, label, count }, ... }.
function parts.chips(view, name, label, choices)
  local items = {}
  for i, choice in ipairs(choices) do
    local value, text, count = choice[1], choice[2], choice[3]
    local current = (view.query[name] or "") == value
    items[i] = h("li", {}, h("a", { href = filtered(view, name, value), ["aria-current"] = current and "true" },
      text, count and { " ", h("b", {}, count) }))
  end
  return h("nav", { class = "chips", ["aria-label"] = label }, h("ul", {}, items))
end

--- The way to the next page, and to the first when this is another.
function parts.pager(view, cursor, next_value)
  if next_value == json.null then next_value = nil end
  local function link(value, key) return h("a", { class = "button small", href = changed(view, { [cursor] = value }) }, say(view, key)) end
  local first = view.query[cursor] and link(false, "admin.page.first")
  local more = next_value and link(next_value, "plain.more")
  return (first or more) and h("p", { class = "row pager" }, first, more)
end

--- Of a list that comes whole: those that the search fits. `in_text`: what of a row is searched.
---@param search string|nil
---@param in_text fun(row): string
function parts.found(list, search, in_text)
  if not search then return list end
  local found = {}
  for _, row in ipairs(list) do
    if in_text(row):lower():find(search:lower(), 1, true) then found[#found + 1] = row end
  end
  return found
end

--- A page of such a list, and where the next one begins, for the cursor "from".
---@param which { from: integer|nil, limit: integer }
function parts.slice(list, which)
  local first = math.max(1, math.min(which.from or 1, #list))
  local next_first = first + which.limit
  return table.move(list, first, math.min(next_first - 1, #list), 1, {}), next_first <= #list and next_first or nil
end

-- Forms ----------------------------------------------------------------------------------------------------------------

local function hidden(name, value) return h("input", { type = "hidden", name = name, value = value }) end
parts.hidden = hidden

--- A form that changes something.
function parts.form(view, action, class, ...)
  return h("form", { method = "post", action = action, class = class }, hidden("csrf", view.csrf), ...)
end

--- A form that is one button; `about`: what it is done to, for those who hear the button alone.
function parts.button(view, action, key, about, class)
  local label = say(view, key)
  local props = { type = "submit", class = class or "small", ["aria-label"] = label .. " " .. about }
  return parts.form(view, action, nil, h("button", props, label))
end

--- The box that picks a row of a list, for parts.bar.
function parts.pick(view, id, name)
  return h("input", { type = "checkbox", class = "pick", name = "pick." .. id, value = "on", form = "picked",
    ["aria-label"] = say(view, "admin.pick", { name = name }) })
end

--- The buttons for what is picked: { { act, text, class }, ... }.
---@param method string  get: the next page only asks
function parts.bar(view, method, action, choices)
  local buttons = {}
  for i, choice in ipairs(choices) do
    local class = choice[3] and "small " .. choice[3] or "small"
    buttons[i] = h("button", { type = "submit", name = "act", value = choice[1], class = class }, choice[2])
  end
  return h("form", { id = "picked", class = "bar", method = method, action = action }, method == "post" and hidden("csrf", view.csrf),
    h("p", { id = "picked-count", class = "hush" }, say(view, "admin.picked")), h("div", { class = "row" }, buttons))
end

--- What a deletion asks for: whether the data goes too, and a word to be typed.
---@param word string
---@param trouble string|nil  why it is asked again
function parts.deletion(view, word, trouble)
  return {
    h("label", { class = "tick" }, h("input", { type = "checkbox", name = "data", value = "delete" }),
      h("span", {}, say(view, "page.delete.data"))),
    h("label", { ["for"] = "confirm" }, say(view, "page.delete.confirm", { name = word })),
    h("input", { type = "text", id = "confirm", name = "confirm", dir = "ltr", autocomplete = "off", autocapitalize = "none",
      spellcheck = "false", required = true, ["aria-describedby"] = trouble and "trouble", ["aria-invalid"] = trouble and "true" }),
    trouble and h("p", { class = "wrong", id = "trouble", role = "alert" }, trouble),
  }
end

--- The search of a list; `more`: further fields; what else is chosen stays chosen.
function parts.search(view, label, kept, more)
  local keep = {}
  for _, name in ipairs(kept) do keep[#keep + 1] = view.query[name] and hidden(name, view.query[name]) or nil end
  return h("form", { class = "search", method = "get", action = view.path, role = "search" }, keep,
    h("label", { ["for"] = "search", class = "unseen" }, label),
    h("input", { type = "search", id = "search", name = "search", value = view.query.search, placeholder = label, autocomplete = "off",
      autocapitalize = "none", spellcheck = "false", maxlength = "200" }),
    more, h("button", { type = "submit", class = "small" }, say(view, "admin.search.button")))
end

local function options_of(choices, chosen)
  local options = {}
  for i, choice in ipairs(choices) do options[i] = h("option", { value = choice[1], selected = choice[1] == chosen }, choice[2]) end
  return options
end

--- A field under its label.
function parts.field(id, label, control) return h("div", { class = "field" }, h("label", { ["for"] = id }, label), control) end

--- A choice among values, under its label: { { value, text }, ... }.
function parts.choice(id, name, label, choices, chosen)
  return parts.field(id, label, h("select", { id = id, name = name }, options_of(choices, chosen)))
end

--- The same in a search, where the choice says what it is.
function parts.select(view, name, label, choices)
  local control = h("select", { id = "f-" .. name, name = name }, options_of(choices, view.query[name] or ""))
  return { h("label", { ["for"] = "f-" .. name, class = "unseen" }, label), control }
end

-- Values ---------------------------------------------------------------------------------------------------------------

--- A time; the script writes it as the reader's language and place do.
function parts.time(iso)
  if not iso then return nil end
  local day, minute = iso:match("^(%S+)T(%d+:%d+)")
  return h("time", { datetime = iso, dir = "ltr" }, ("%s %s UTC"):format(day, minute))
end

--- Bytes as one says them of memory.
function parts.memory(view, bytes)
  if not bytes then return nil end
  local key, unit = "admin.size.mib", 2 ^ 20
  if bytes >= 2 ^ 30 then key, unit = "admin.size.gib", 2 ^ 30 end
  return h("span", { class = "short" }, say(view, key, { size = ("%.3g"):format(bytes / unit) }))
end

--- A word of the portal's own that stays in one piece.
function parts.word(text) return h("span", { class = "short" }, parts.code(text)) end

-- Ids that nobody reads: the end tells them apart; the beginning is the time.
function parts.short(id) return id and parts.word(#id > 12 and "…" .. id:sub(-9) or id) end

local classes = { queued = "running", running = "running", rolling_back = "running", deleting = "running", stopping = "running",
  starting = "running", restarting = "running", rotating = "running", redeploying = "running", failed = "bad" }

--- A state with its mark; never by colour alone.
function parts.state(state, text)
  return h("span", { class = "mark " .. (classes[state] or state) }, h("span", { class = "state" }, text))
end

--- What is open, in a list of its own.
function parts.operation_link(id, text) return h("a", { href = "/deployment/" .. id }, text) end

-- Tables ---------------------------------------------------------------------------------------------------------------

local nothing = h("span", { class = "hush" }, "–")

local function head(view, column)
  local label = say(view, column[1])
  local props = { scope = "col", role = "columnheader", class = column.class }
  return h("th", props, column.hidden and h("span", { class = "unseen" }, label) or label)
end

-- A cell; as part of a card it says its column's label itself.
local function cell(view, column, value)
  if column.head then return h("th", { class = column.class, scope = "row", role = "rowheader" }, value) end
  if column.hidden then return h("td", { class = column.class, role = "cell" }, value) end
  return h("td", { class = column.class, role = "cell", ["data-label"] = say(view, column[1]) }, h("div", {}, value or nothing))
end

--- A table that becomes cards on a narrow screen. Columns: { key of the label, class = , hidden = the label is not seen, head = it names
--- the row }; a row: its cells in their order, and its id. Roles are said aloud: browsers forget them when a table is laid out as cards.
function parts.table(view, caption, columns, rows)
  local heads, lines = {}, {}
  for i, column in ipairs(columns) do heads[i] = head(view, column) end
  for i, row in ipairs(rows) do
    local cells = {}
    for j, column in ipairs(columns) do cells[j] = cell(view, column, row[j]) end
    lines[i] = h("tr", { role = "row", id = row.id }, cells)
  end
  return h("table", { role = "table" }, h("caption", { class = "unseen" }, say(view, caption)),
    h("thead", { role = "rowgroup" }, h("tr", { role = "row" }, heads)), h("tbody", { role = "rowgroup" }, lines))
end

--- What stands where there is nothing.
function parts.empty(text) return h("p", { class = "empty" }, text) end

--- The same for a list: whether there is nothing at all, or nothing that fits what is asked for.
function parts.nothing(view, key)
  local asked = view.query.search or view.query.state or view.query.kind or view.query.owner
  return parts.empty(say(view, asked and "admin.nothing" or key))
end

--- Labels and values: { { key of the label, value }, ... }; those without a value are left out.
function parts.values(view, list)
  local rows = {}
  for i, entry in ipairs(list) do
    rows[i] = entry[2] and h("div", { class = "value" }, h("dt", {}, say(view, entry[1])), h("dd", {}, h("span", {}, entry[2])))
  end
  return h("dl", { class = "values" }, rows)
end

function parts.notice(kind, ...) return h("div", { class = "notice " .. kind }, ...) end

--- A part of a page, under a heading.
function parts.section(title, ...) return h("section", { class = "part" }, h("h2", {}, title), ...) end

return parts
