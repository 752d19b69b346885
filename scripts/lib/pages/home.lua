--- The start page's parts that depend on the installation and the visitor: how long a deployment
--- takes, the templates, the visitor's workspaces and the files that are left of deleted ones.
local html = require "lib.pages.html"
local elements = require "lib.pages.elements"
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"
local home = {}

local h, code, say = html.h, html.code, elements.say

--- Makes the texts that templates bring along known; raises when one lacks a language.
---@param list Template[]
---@param place_of fun(template: Template): string, string  where it is written, for messages
function home.define_texts(list, place_of)
  local function define(template, path, key, own)
    local file, start = place_of(template)
    if next(own) then i18n.define(file, start .. path, key, own) end
  end
  for _, template in ipairs(list) do
    local key = "template." .. template.id
    define(template, ".title", key .. ".title", template.title)
    define(template, ".about", key .. ".about", template.about)
    for i, parameter in ipairs(template.parameters) do
      local path = (".parameters[%d]"):format(i)
      key = ("parameter.%s.%s"):format(template.id, parameter.id)
      define(template, path .. ".title", key .. ".title", parameter.title)
      define(template, path .. ".help", key .. ".help", parameter.help)
    end
  end
end

-- The form

--- How long a deployment takes, from those before it.
---@param language string
---@param estimate { typical: number, waiting: integer, eta: number, measured: boolean }  seconds;
---waiting: deployments in the queue
---@return string
function home.wait(language, estimate)
  local time = i18n.duration(language, estimate.typical + estimate.eta)
  local key = estimate.measured and "wait.usual" or "wait.first"
  local usual = i18n.text(language, key, { time = time })
  if estimate.waiting == 0 then return usual end
  return i18n.text(language, "wait.before", { count = estimate.waiting }) .. " " .. usual
end

local function template_text(language, template)
  local key = ("template.%s.about"):format(template.id)
  local gib = ("%.4g"):format(template.memory_bytes / 2 ^ 30)
  local size = i18n.text(language, "template.size", { size = gib })
  return i18n.has(key) and i18n.text(language, key) .. " " .. size or size
end

local fields = {}

function fields.choice(parameter, props)
  local options = {}
  if not parameter.default then options[1] = h("option", { value = "" }, "") end
  for _, choice in ipairs(parameter.choices) do
    local is_default = choice == parameter.default
    options[#options + 1] = h("option", { value = choice, selected = is_default }, choice)
  end
  return h("select", props, options)
end

function fields.flag(parameter, props)
  props.type, props.value, props.checked = "checkbox", "true", parameter.default == true
  props.required = nil
  return h("input", props)
end

function fields.number(parameter, props)
  props.type, props.step, props.dir = "number", "any", "ltr"
  props.min, props.max, props.value = parameter.min, parameter.max, parameter.default
  return h("input", props)
end

function fields.secret(_, props)
  props.type, props.autocomplete = "password", "off"
  return html.text_input(props)
end

function fields.text(parameter, props)
  props.value, props.dir = parameter.default, "auto"
  return html.text_input(props)
end

-- The field of a parameter. A browser would not send a form whose required field is hidden with its
-- template, so only the server insists where there is a choice.
local function parameter_field(language, template, parameter, is_only)
  local name = ("parameters.%s.%s"):format(template.id, parameter.id)
  local help = wording.parameter(language, template, parameter, "help")
  local title = wording.parameter(language, template, parameter, "title") or parameter.id
  local props = {
    id = name, name = name, required = parameter.required and is_only,
    ["aria-describedby"] = help and name .. ".help",
    ["aria-required"] = parameter.required and "true",
  }
  local is_flag = parameter.kind == "flag"
  local may_be_empty = not parameter.required and parameter.default == nil and not is_flag
  return h("p", { class = is_flag and "parameter flag" or "parameter" },
    h("label", { ["for"] = name }, title, may_be_empty
      and h("span", { class = "hush" }, " ", i18n.text(language, "page.optional"))),
    fields[parameter.kind](parameter, props),
    help and h("span", { id = name .. ".help", class = "hush" }, help))
end

local function parameter_fields(language, template, is_only)
  if #template.parameters == 0 then return nil end
  local items = {}
  for i, parameter in ipairs(template.parameters) do
    items[i] = parameter_field(language, template, parameter, is_only)
  end
  return h("div", { class = "parameters", ["data-template"] = template.id }, items)
end

local function template_choice(language, template, is_first)
  local key = ("template.%s.title"):format(template.id)
  local title = i18n.has(key) and i18n.text(language, key) or template.id
  return {
    h("label", { class = "choice" },
      h("input", { type = "radio", name = "template", value = template.id, checked = is_first }),
      h("span", {}, h("strong", {}, title), " ",
        h("span", { class = "hush" }, template_text(language, template)))),
    parameter_fields(language, template, false),
  }
end

--- The templates to choose from, and what each asks for; of a single one only that, if anything.
---@param language string
---@param list Template[]
---@return Element|nil
function home.templates(language, list)
  if #list < 2 then return parameter_fields(language, list[1], true) end
  local items = {}
  for i, template in ipairs(list) do items[i] = template_choice(language, template, i == 1) end
  local legend = h("legend", {}, i18n.text(language, "plain.template"))
  return h("fieldset", { class = "choices" }, legend, items)
end

--- The field for an invite's code.
function home.invite(language)
  return h("p", { class = "invite" },
    h("label", { ["for"] = "invite" }, i18n.text(language, "page.invite.label")),
    html.text_input { id = "invite", name = "invite", required = true,
      ["aria-describedby"] = "invite-hint" },
    h("span", { id = "invite-hint", class = "hush" },
      i18n.text(language, "problem.invite_needed.detail")))
end

-- The lists

local at_rest = { ready = true, unhealthy = true, stopped = true, asleep = true,
  failed = true }

local function open_link(reader, stack)
  local label = say(reader, "page.open") .. ": " .. stack.name
  return h("a", { class = "button small", href = stack.openUrl, target = "_blank", rel = "noopener",
    ["aria-label"] = label, title = label }, html.icon("out", "mirror"))
end

local function workspace_item(reader, stack)
  local is_working = not at_rest[stack.state]
  local href, used_at = "/stack/" .. stack.name, stack.lastUsedAt
  if is_working then href = "/deployment/" .. stack.statusUrl:match("[^/]+$") end
  return h("li", { class = is_working and "running" or stack.state, ["data-name"] = stack.name },
    h("a", { class = "entry", href = href }, html.name(stack.name),
      code((stack.url:gsub("^https?://", "")))),
    h("span", { class = "facts-row" },
      h("span", { class = "state" }, elements.state(reader.language, stack.state)),
      h("span", { class = "since" },
        elements.sentence(reader, "page.since", "moment", stack.createdAt)),
      used_at and h("span", { class = "used" },
        elements.sentence(reader, "page.used", "ago", used_at)),
      stack.sleepsAt and h("span", { class = "sleeps" },
        elements.sentence(reader, "page.sleeps", "moment", stack.sleepsAt))),
    stack.state == "ready" and open_link(reader, stack))
end

local function kept_item(reader, volume)
  local note, is_kept = "page.kept." .. volume.state, volume.state == "kept"
  return h("li", { ["data-kept"] = volume.name },
    h("span", { class = "entry" }, html.name(volume.name), code(volume.volume)),
    h("span", { class = "hush" },
      elements.sentence(reader, "page.kept.since", "moment", volume.since)),
    volume["until"] and h("span", { class = "until" },
      elements.sentence(reader, "page.kept.until", "moment", volume["until"])),
    not is_kept and h("span", { class = "hush note" }, say(reader, note)),
    is_kept and elements.restoration(reader, volume),
    (is_kept or volume.state == "left") and elements.file_deletion(reader, volume))
end

local function section(reader, id, key, rows, item, text, footer)
  if #rows == 0 then return nil end
  local items = {}
  for i, row in ipairs(rows) do items[i] = item(reader, row) end
  return h("section", { class = "mine", ["aria-labelledby"] = id .. "-title" },
    h("h2", { id = id .. "-title" }, say(reader, key)),
    text and h("p", { class = "hush" }, text), h("ul", { id = id }, items), footer)
end

local function forgetting(reader)
  return elements.question("forget", say(reader, "page.forget.open"),
    elements.form(reader, "/api/owner/leave", nil,
      h("h2", {}, say(reader, "page.forget.title")), h("p", {}, say(reader, "page.forget.what")),
      h("p", { class = "row" },
        h("button", { type = "submit", class = "danger" }, say(reader, "page.forget.go")),
        elements.keep_button(say(reader, "page.cancel")))))
end

--- The visitor's workspaces, and the files that were kept when others were deleted.
---@param reader Reader
---@param list { stacks: table[], next_after: string|nil, kept: table[] }  kept: volumes;
---`is_name_free`: no workspace has its name
---@return Element
function home.lists(reader, list)
  local next_href = list.next_after and "/stacks?after=" .. list.next_after
  local more = next_href and h("p", {}, h("a", { href = next_href }, say(reader, "plain.more")))
  return h("div", { id = "lists" },
    section(reader, "workspaces", "page.mine.title", list.stacks, workspace_item, nil, more),
    section(reader, "kept", "page.kept.heading", list.kept, kept_item,
      say(reader, "page.kept.about")),
    reader.has_key and forgetting(reader))
end

--- The page with the lists alone.
---@return string title, Element view
function home.lists_page(reader, list)
  local title = say(reader, "page.back")
  local is_empty = #list.stacks == 0 and #list.kept == 0
  return title, elements.view(reader, {}, title,
    is_empty and h("p", {}, say(reader, "plain.none")), home.lists(reader, list),
    h("p", {}, h("a", { class = "button", href = "/" }, say(reader, "page.new"))))
end

return home
