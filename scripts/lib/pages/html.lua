--- HTML elements as values. Texts are escaped when they are added; elements are not escaped twice.
local html = {}

local entities = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

--- Escapes text for HTML, also for attribute values.
---@param text string
---@return string
function html.escape(text) return (text:gsub("[&<>\"']", entities)) end

local is_element = {} -- metatable of elements

---@class Element
---@field html string

--- The HTML of an element, a text, or a list of both. nil and false are left out.
---@param child Element|string|number|boolean|table|nil
---@return string
function html.render(child)
  if not child then return "" end
  if getmetatable(child) == is_element then return child.html end
  if type(child) ~= "table" then return html.escape(tostring(child)) end
  local parts, last = {}, 0
  for i in pairs(child) do last = math.max(last, i) end -- lists may have holes
  for i = 1, last do parts[i] = html.render(child[i]) end
  return table.concat(parts)
end

-- Names, addresses, secrets and logs are not for a browser that translates pages.
local untranslated = { bdi = ' translate="no"', pre = ' translate="no"' }

local function attributes(tag, props)
  local parts = { untranslated[tag] }
  for name, value in pairs(props) do
    if value == true then
      parts[#parts + 1] = " " .. name
    elseif value then
      parts[#parts + 1] = (' %s="%s"'):format(name, html.escape(tostring(value)))
    end
  end
  table.sort(parts)
  return table.concat(parts)
end

local void = { input = true, meta = true, link = true, br = true, wbr = true }

--- An element: h("p", { class = "x" }, "text", child, { child, child }).
---@param tag string
---@param props table|nil  attributes; true gives one without a value, nil and false leave it out
---@return Element
function html.h(tag, props, ...)
  local children = {}
  for i = 1, select("#", ...) do children[i] = html.render((select(i, ...))) end
  local content, closing = table.concat(children), void[tag] and "" or "</" .. tag .. ">"
  local text = ("<%s%s>%s%s"):format(tag, attributes(tag, props or {}), content, closing)
  return setmetatable({ html = text }, is_element)
end

local h = html.h

--- A name, an address or an id: left to right in every language.
function html.code(text, id) return h("bdi", { dir = "ltr", class = "mono", id = id }, text) end

--- A workspace's name in a heading or a list.
function html.name(text) return h("strong", {}, h("bdi", { dir = "ltr" }, text)) end

--- A message in a box; kind: "", "good", "warn" or "bad".
function html.notice(kind, ...) return h("div", { class = "notice " .. kind }, ...) end

--- A decorative icon of www/icons.html.
function html.icon(name, class)
  return h("svg", { ["aria-hidden"] = "true", class = class }, h("use", { href = "#i-" .. name }))
end

function html.hidden(name, value)
  return h("input", { type = "hidden", name = name, value = value })
end

--- A text input whose content is left as typed; props are added.
function html.text_input(props)
  local all = {
    type = "text", dir = "ltr", autocomplete = "off", autocapitalize = "none", spellcheck = "false",
  }
  for name, value in pairs(props) do all[name] = value end
  return h("input", all)
end

--- A sentence with an element in place of a placeholder.
---@param text string  made with html.HOLE for the placeholder
---@param element Element
function html.around(text, element)
  local before, after = text:match("^(.-)\1(.*)$")
  return { before or text, before and element, after }
end
html.HOLE = "\1"

--- A sentence with a name.
---@param text string  made with name = html.HOLE
---@param name string
function html.around_name(text, name) return html.around(text, h("bdi", { dir = "ltr" }, name)) end

return html
