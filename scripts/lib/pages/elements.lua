--- What the visitors' pages share: texts, forms, values with a copy button, times.
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local elements = {}

local h, hidden = html.h, html.hidden

---@class Reader
---@field language string
---@field csrf string             token for the forms
---@field is_mine boolean         may act on what is shown
---@field has_key boolean|nil     holds an owner key
---@field may_reveal boolean|nil  may see the workspace's password
---@field is_still boolean|nil    the page does not refresh itself without JavaScript

function elements.say(reader, key, args) return i18n.text(reader.language, key, args) end
local say = elements.say

--- A text about a workspace.
local function named(reader, key, name)
  return html.around_name(say(reader, key, { name = html.HOLE }), name)
end
elements.named = named

--- A form for an action on the server. Without JavaScript the reply is a page; www/view.js sends it
--- in the background.
---@param reader Reader
---@param path string
---@param fields table<string, string>|nil  hidden fields
function elements.form(reader, path, fields, ...)
  local inputs = { hidden("csrf", reader.csrf) }
  for name, value in pairs(fields or {}) do inputs[#inputs + 1] = hidden(name, value) end
  return h("form", { method = "post", action = path }, inputs, ...)
end

--- A form that is one button.
---@param props table|nil  attributes of the button
function elements.button(reader, path, label, fields, props)
  local all = { type = "submit", class = "small" }
  for name, value in pairs(props or {}) do all[name] = value end
  return elements.form(reader, path, fields, h("button", all, label))
end

--- A question that opens in place: a summary, and a form that www/forms.js can close again.
---@param id string|nil
---@param summary string
function elements.question(id, summary, ...)
  return h("details", { class = "question", id = id },
    h("summary", { id = id and id .. "-open" }, summary), ...)
end

function elements.keep_button(label)
  return h("button", { type = "button", class = "scripted", ["data-close"] = true }, label)
end

--- The form in which a browser that has lost its cookie gets it again from the owner key.
---@param name string|nil  of the workspace that is shown then
function elements.key_form(reader, name)
  local label = say(reader, "page.key.label")
  return h("details", { class = "quiet", id = "key-entry" },
    h("summary", {}, say(reader, "page.key.enter")),
    elements.form(reader, "/api/owner/enter", { name = name },
      h("label", {}, label, html.text_input { name = "key", required = true, translate = "no" }),
      h("p", { class = "hush" }, say(reader, "page.key.replaces")),
      h("button", { type = "submit" }, say(reader, "page.key.use"))))
end

--- The box that deletes the files along with a workspace.
function elements.files_box(reader)
  return h("label", { class = "tick" },
    h("input", { type = "checkbox", name = "data", value = "delete" }),
    h("span", {}, say(reader, "page.delete.data")))
end

local function confirmation(reader, name)
  return h("label", {}, named(reader, "page.delete.confirm", name),
    html.text_input { required = true, pattern = "\\W*" .. name .. "\\W*",
      title = say(reader, "page.delete.mismatch", { name = name }) })
end

local function deletion_form(reader, path, name, ...)
  return elements.form(reader, path .. "/delete", nil, { ... },
    confirmation(reader, name), h("p", { class = "row" },
      h("button", { type = "submit", class = "danger" }, say(reader, "page.delete.button")),
      elements.keep_button(say(reader, "page.delete.keep"))))
end

--- The question before a workspace is deleted. Its name has to be typed.
function elements.deletion(reader, name)
  return elements.question("delete", say(reader, "page.delete.open"),
    deletion_form(reader, "/api/stack/" .. name, name,
      h("h2", {}, named(reader, "page.delete.title", name)),
      h("p", {}, say(reader, "page.delete.what")), elements.files_box(reader)))
end

--- The question before the files of a deleted workspace are deleted.
---@param kept { volume: string, name: string }
function elements.file_deletion(reader, kept)
  return elements.question("purge-" .. kept.volume, say(reader, "page.kept.open"),
    deletion_form(reader, "/api/kept/" .. kept.volume, kept.name,
      h("h2", {}, named(reader, "page.kept.title", kept.name)),
      h("p", {}, say(reader, "page.kept.what"))))
end

--- The form that starts again with the files of a deleted workspace.
---@param kept { volume: string, name: string, is_name_free: boolean }
function elements.restoration(reader, kept)
  local name = html.text_input { name = "name", required = true, translate = "no",
    value = kept.is_name_free and kept.name or nil }
  return elements.question("restore-" .. kept.volume, say(reader, "page.kept.restore"),
    elements.form(reader, "/api/deploy", { files = kept.volume },
      h("h2", {}, say(reader, "page.kept.restore.title")),
      h("p", {}, say(reader, "page.kept.restore.what")),
      h("label", {}, say(reader, "page.kept.restore.name"), name),
      h("p", { class = "row" },
        h("button", { type = "submit", class = "primary" }, say(reader, "page.kept.restore.go")),
        elements.keep_button(say(reader, "page.cancel")))))
end

--- A button that copies the text of the element with that id; label: what it copies.
function elements.copy(reader, id, label)
  local text = say(reader, "page.copy")
  return h("button", { type = "button", class = "small scripted", ["data-copy"] = id,
    ["aria-label"] = text .. ": " .. label }, text)
end

--- A label, a value and its copy button: one row of a <dl>. `more`: further controls.
function elements.value(reader, key, id, value, more)
  local label = say(reader, key)
  return h("div", { class = "value" }, h("dt", {}, label),
    h("dd", {}, h("span", {}, value), more, elements.copy(reader, id, label)))
end

--- A URL in which the name stands out.
function elements.address(url, name, id)
  local at = url:find(name, (url:find("//", 1, true) or 0) + 1, true)
  if not at then return html.code(url, id) end
  return h("bdi", { dir = "ltr", class = "mono", id = id }, url:sub(1, at - 1),
    h("b", {}, name), url:sub(at + #name))
end

--- A sentence with a point in time. Without JavaScript it is a date; www/dom.js writes "moment" as
--- date and time, and "ago" relative to now.
---@param style "moment"|"ago"
---@param iso string
function elements.sentence(reader, key, style, iso)
  local time = h("time", { class = style, datetime = iso }, iso:sub(1, 10))
  return html.around(say(reader, key, { time = html.HOLE }), time)
end

--- The link out to a workspace.
function elements.open(reader, url)
  return h("a", { class = "button primary", id = "open", href = url, target = "_blank",
    rel = "noopener" }, say(reader, "page.open"), html.icon("out", "mirror"))
end

--- The text of a workspace's state.
function elements.state(language, state)
  local key = "page.state." .. state
  return i18n.has(key) and i18n.text(language, key) or state
end

--- The section that is the view of an operation or a workspace; www/view.js exchanges its content.
---@param props table  attributes
---@param title Element[]|string
function elements.view(reader, props, title, ...)
  props.id = "job"
  return h("section", props,
    h("a", { class = "back", id = "back", href = "/" }, html.icon("back", "mirror"),
      say(reader, "page.back")),
    h("h1", { id = "job-title", tabindex = "-1" }, title), ...)
end

return elements
