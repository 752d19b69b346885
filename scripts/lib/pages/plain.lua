--- What the pages say to a browser without JavaScript: pure, from documents to elements of lib/pages/init.lua. The same texts as the lively
--- page.
local workspace = require "lib.base.workspace"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local plain = {}

local h, code = page.h, page.code

---@class Reader
---@field language string
---@field csrf string   the token for his forms
---@field mine boolean  it is his, so that he may act on it
---@field may_reveal boolean|nil  the password can be shown
---@field still boolean|nil  the page does not refresh itself

local function say(reader, key, args) return i18n.text(reader.language, key, args) end

--- A form that is one button.
---@param reader Reader
---@param path string
---@param label string
---@param fields table<string, string>|nil
---@param class string|nil
---@return Element
function plain.button(reader, path, label, fields, class)
  local hidden = { h("input", { type = "hidden", name = "csrf", value = reader.csrf }) }
  for name, value in pairs(fields or {}) do hidden[#hidden + 1] = h("input", { type = "hidden", name = name, value = value }) end
  return h("form", { method = "post", action = path }, hidden, h("button", { type = "submit", class = class }, label))
end

local function notice(kind, ...) return h("div", { class = "notice " .. kind }, ...) end

local function link_out(reader, url)
  local props = { class = "button primary", href = url, rel = "noopener" }
  return h("p", { class = "row" }, h("a", props, say(reader, "page.open")), h("span", { class = "hush" }, say(reader, "page.open.hint")))
end

-- An operation ---------------------------------------------------------------------------------------------------------

local titles = {
  queued = "page.job.running", running = "page.job.running", rolling_back = "page.job.rolling_back", deleting = "page.job.deleting",
  ready = "page.job.ready", failed = "page.job.failed", cancelled = "page.job.cancelled", deleted = "page.job.deleted",
  stopping = "page.job.stopping", starting = "page.job.starting", restarting = "page.job.restarting", rotating = "page.job.rotating",
  redeploying = "page.job.redeploying",
  stopped = "page.job.stopped",
}
local failed_titles = { delete = "page.delete.failed" }

local purge_titles = { deleting = "page.job.purging", deleted = "page.job.purged" } -- files alone

--- The heading of an operation.
function plain.title(reader, doc)
  local key = titles[doc.state] or titles.running
  if doc.state == "failed" and doc.kind ~= "deploy" then key = failed_titles[doc.kind] or "page.work.failed" end
  if doc.kind == "purge" and purge_titles[doc.state] then key = purge_titles[doc.state] end
  return say(reader, key, { name = doc.name })
end

local icons = { done = "done", failed = "bad", undone = "undo" }

-- Once all has ended, the step that failed is the one to look at; and while all is taken back, nothing is to come any more.
local function step_state(doc, step)
  local state = step.state
  if doc.state == "failed" and step.step == doc.result.step then return "failed" end
  if state == "pending" and (doc.endedAt or doc.state == "rolling_back") then return "skipped" end
  return doc.endedAt and doc.kind == "deploy" and doc.result.rolledBack and state == "done" and "undone" or state
end

-- An icon of the page's own set; decoration.
local function icon(name) return h("svg", { ["aria-hidden"] = "true" }, h("use", { href = "#i-" .. name })) end

local function step_items(reader, doc)
  local items = {}
  for i, step in ipairs(doc.steps) do
    local state = step_state(doc, step)
    local told = say(reader, "plain.step", { title = step.title, state = say(reader, "page.step." .. state) })
    items[i] = h("li", { class = state }, h("span", { class = "mark" }, icons[state] and icon(icons[state])), told)
  end
  return #items > 0 and h("ol", { class = "steps" }, items)
end

-- A page that is being read should not move; so it can be told to stay as it is.
local function refreshing(reader, doc)
  local path = "/deployment/" .. doc.deploymentId
  if reader.still then
    return h("p", { class = "row" }, h("a", { class = "button small", href = path .. "?still=1" }, say(reader, "plain.again")),
      h("a", { href = path }, say(reader, "plain.moving")))
  end
  return h("p", { class = "hush" }, say(reader, "plain.refresh"), " ", h("a", { href = path .. "?still=1" }, say(reader, "plain.still")))
end

local function pace(reader, doc)
  local queue = doc.position and say(reader, "page.queue.position", { position = doc.position })
  local eta = doc.etaSeconds and say(reader, "page.queue.eta", { time = i18n.duration(reader.language, doc.etaSeconds) })
  return {
    h("progress", { max = 100, value = doc.percent, ["aria-label"] = say(reader, "page.steps") }),
    h("p", {}, queue and queue .. " " .. (eta or "") or say(reader, "plain.progress", { percent = doc.percent })),
    refreshing(reader, doc),
  }
end

local function leftovers(end_)
  local items = {}
  for i, left in ipairs(end_.leftovers or {}) do items[i] = h("li", {}, left.detail) end
  return #items > 0 and h("ul", { class = "leftovers" }, items)
end

local function cleaned(reader, doc)
  if doc.kind ~= "deploy" then return leftovers(doc.result) end
  local whole = doc.result.rolledBack ~= false
  return { h("p", { class = not whole and "wrong" }, say(reader, whole and "page.clean" or "page.left")), leftovers(doc.result) }
end

local function support(reader, doc) return h("p", { class = "hush" }, say(reader, "page.support"), " ", code(doc.deploymentId)) end

local function again(reader, doc)
  local path = doc.kind == "deploy" and "/?name=" .. doc.name or "/stack/" .. doc.name
  return h("p", {}, h("a", { class = "button primary", href = path }, say(reader, "page.again")))
end

local data = { kept = "page.deleted.kept", deleted = "page.deleted.gone", left = "page.deleted.left" }
local ends = {}

function ends.ready(reader, doc)
  return {
    doc.result.warning and notice("warn", doc.result.warning),
    h("p", {}, code(doc.result.url or doc.url)), link_out(reader, doc.result.openUrl or workspace.open(doc.url)),
    doc.mine and h("p", {}, h("a", { class = "button", href = "/stack/" .. doc.name }, say(reader, "plain.look"))),
  }
end

function ends.stopped(reader, doc)
  return doc.mine and h("p", {}, h("a", { class = "button", href = "/stack/" .. doc.name }, say(reader, "plain.look"))) or {}
end

-- What is of use to whoever has to mend it.
local function last_words(reader, result)
  local answer = result.lastAnswer
  if not answer and #(result.lastLog or {}) == 0 then return nil end
  return h("details", {}, h("summary", {}, say(reader, "page.failure.more")),
    answer and h("p", {}, answer.detail, answer.message and { " ", code(answer.message) }),
    #(result.lastLog or {}) > 0 and h("pre", { dir = "ltr", class = "mono" }, table.concat(result.lastLog, "\n")))
end

function ends.failed(reader, doc)
  local result = doc.result
  local why = result.cause and h("p", {}, result.cause)
  local told = notice("bad", h("p", {}, h("strong", {}, result.detail)), why, h("p", {}, result.advice))
  return { told, cleaned(reader, doc), again(reader, doc), last_words(reader, result), support(reader, doc) }
end

function ends.cancelled(reader, doc) return { cleaned(reader, doc), again(reader, doc) } end

function ends.deleted(reader, doc)
  local what = data[doc.result.data]
  return {
    what and h("p", {}, say(reader, what)),
    doc.result.volume and h("p", { class = "hush" }, say(reader, "page.volume"), " ", code(doc.result.volume)),
    h("p", {}, h("a", { class = "button primary", href = "/" }, say(reader, "page.new"))),
  }
end

--- An operation, as it stands or as it ended.
---@param reader Reader
---@param doc table  of lib/operations/summary.lua
---@return Element[]
function plain.operation(reader, doc)
  local over = doc.endedAt and ends[doc.state]
  doc.mine = reader.mine
  return {
    h("h1", {}, plain.title(reader, doc)),
    over and over(reader, doc) or pace(reader, doc),
    (not over or doc.state == "failed") and step_items(reader, doc),
    not over and reader.mine and doc.kind == "deploy"
      and plain.button(reader, "/api/status/" .. doc.deploymentId .. "/cancel", say(reader, "page.cancel.button")),
  }
end

-- A workspace ----------------------------------------------------------------------------------------------------------

local function row(label, value) return h("div", { class = "value" }, h("dt", {}, label), h("dd", {}, value)) end

--- The text of a stack's state.
function plain.state(language, state)
  local key = "page.state." .. state
  return i18n.has(key) and i18n.text(language, key) or state
end

local acts = { ready = { "stop", "restart" }, unhealthy = { "stop", "restart" }, stopped = { "start" } }

local function buttons(reader, stack)
  local list = {}
  for i, act in ipairs(acts[stack.state] or {}) do
    list[i] = plain.button(reader, ("/api/stack/%s/%s"):format(stack.name, act), say(reader, "page.act." .. act))
  end
  return #list > 0 and h("div", { class = "row" }, list)
end

-- The browser itself sees to it that the name is typed: what has no name of its own is not sent.
local function confirmation(reader, name)
  local ask = say(reader, "page.delete.confirm", { name = name })
  return h("label", {}, ask, h("input", { type = "text", dir = "ltr", required = true, pattern = name, title = ask, autocomplete = "off",
    autocapitalize = "none", spellcheck = "false" }))
end

local function delete_form(reader, name, ...)
  return h("form", { method = "post", action = ("/api/stack/%s/delete"):format(name) },
    h("input", { type = "hidden", name = "csrf", value = reader.csrf }), { ... }, confirmation(reader, name),
    h("p", { class = "row" }, h("button", { type = "submit", class = "danger" }, say(reader, "page.delete.button"))))
end

local function deletion(reader, stack)
  return h("details", { class = "deletion" }, h("summary", {}, say(reader, "page.delete.open")),
    delete_form(reader, stack.name, h("p", {}, say(reader, "page.delete.what")),
      h("label", { class = "tick" }, h("input", { type = "checkbox", name = "data", value = "delete" }),
        h("span", {}, say(reader, "page.delete.data")))))
end

local rotatable = { ready = true, unhealthy = true }

local function rotation(reader, stack)
  return rotatable[stack.state] and h("details", {}, h("summary", {}, say(reader, "page.act.rotate")),
    h("p", {}, say(reader, "page.rotate.what")),
    plain.button(reader, ("/api/stack/%s/password"):format(stack.name), say(reader, "page.rotate.go"), { action = "rotate" }))
end

--- A workspace, for its owner.
---@param reader Reader
---@param stack table  name, state, url, password?, username?, passwordProblem?, trouble?
---@return Element[]
function plain.stack(reader, stack)
  return {
    h("h1", {}, say(reader, "page.stack.title", { name = stack.name })),
    stack.state ~= "ready"
      and notice("warn state-note", stack.trouble and stack.trouble.detail or plain.state(reader.language, stack.state)),
    stack.passwordProblem and notice("warn", stack.passwordProblem.detail),
    h("dl", { class = "values" }, row(say(reader, "page.address"), code(stack.url)),
      stack.username and row(say(reader, "page.user"), code(stack.username)),
      stack.password and row(say(reader, "page.password"), code(stack.password))),
    stack.state ~= "stopped" and link_out(reader, workspace.open(stack.url)),
    reader.may_reveal
      and plain.button(reader, ("/api/stack/%s/password"):format(stack.name), say(reader, "plain.reveal"), { action = "reveal" }),
    buttons(reader, stack), rotation(reader, stack), deletion(reader, stack),
    h("p", {}, h("a", { href = "/stacks" }, say(reader, "page.back"))),
  }
end

-- A time as every language writes it; a browser's own words for it take a script.
local function day(reader, key, at) return h("time", {}, say(reader, key, { time = os.date("!%Y-%m-%d", math.floor(at)) })) end

local function stack_item(reader, stack)
  return h("li", { class = stack.state }, h("a", { class = "entry", href = "/stack/" .. stack.name },
    h("strong", {}, h("bdi", { dir = "ltr" }, stack.name)), code((stack.url:gsub("^https?://", "")))),
    h("span", { class = "facts-row" }, h("span", { class = "state" }, plain.state(reader.language, stack.state)),
      day(reader, "page.since", stack.created_at), stack.used_at and day(reader, "page.used", stack.used_at)))
end

-- The portal removes a workspace and its files by the one name: while there is a workspace of it, that would be what goes.
local function kept_item(reader, volume)
  local note = volume.reason == "left" and "page.kept.left" or volume.held and "page.kept.held" or nil
  return h("li", {}, h("span", { class = "entry" }, h("strong", {}, h("bdi", { dir = "ltr" }, volume.name)), code(volume.volume)),
    h("span", { class = "facts-row" }, day(reader, "page.kept.since", volume.at)),
    note and h("span", { class = "hush note" }, say(reader, note)),
    not volume.held and h("details", { class = "deletion" }, h("summary", {}, say(reader, "page.kept.open")),
      delete_form(reader, volume.name, h("input", { type = "hidden", name = "data", value = "delete" }),
        h("p", {}, say(reader, "page.kept.gone")))))
end

local function listed(reader, rows, item)
  local items = {}
  for i, one in ipairs(rows) do items[i] = item(reader, one) end
  return h("div", { class = "mine" }, h("ul", {}, items))
end

--- The workspaces of who reads, by name, and the files that outlived others.
---@param reader Reader
---@param stacks table[]
---@param next_after string|nil  the name after which the next page begins
---@param kept table[]  volumes; `held`: a workspace of its name stands
---@return Element[]
function plain.stacks(reader, stacks, next_after, kept)
  return {
    h("h1", {}, say(reader, "page.mine.title")),
    #stacks > 0 and listed(reader, stacks, stack_item) or h("p", {}, say(reader, "plain.none")),
    next_after and h("p", {}, h("a", { href = "/stacks?after=" .. next_after }, say(reader, "plain.more"))),
    #kept > 0 and { h("h2", {}, say(reader, "page.kept.title")), h("p", { class = "hush" }, say(reader, "page.kept.what")),
      listed(reader, kept, kept_item) },
    h("p", {}, h("a", { class = "button", href = "/" }, say(reader, "page.new"))),
  }
end

-- Before the click -----------------------------------------------------------------------------------------------------

--- How long it will take, by those before: `typical` seconds each, `waiting` in the queue, `places` at once.
---@param language string
---@param known { typical: number, waiting: integer, eta: number, measured: boolean }
function plain.wait(language, known)
  local time = i18n.duration(language, known.typical + known.eta)
  local usual = i18n.text(language, known.measured and "wait.usual" or "wait.first", { time = time })
  if known.waiting == 0 then return usual end
  return i18n.text(language, "wait.before", { count = known.waiting }) .. " " .. usual
end

local function about(language, template)
  local key = "template." .. template.id .. ".about"
  local size = i18n.text(language, "template.size", { size = ("%.4g"):format(template.memory_bytes / 2 ^ 30) })
  return (i18n.has(key) and i18n.text(language, key) .. " " or "") .. size
end

--- The templates to choose from; nothing when there is one.
---@param language string
---@param list { id: string, memory_bytes: integer }[]
---@return Element|nil
function plain.templates(language, list)
  if #list < 2 then return nil end
  local items = {}
  for i, template in ipairs(list) do
    local key = "template." .. template.id .. ".title"
    items[i] = h("label", { class = "choice" }, h("input", { type = "radio", name = "template", value = template.id, checked = i == 1 }),
      h("span", {}, h("strong", {}, i18n.has(key) and i18n.text(language, key) or template.id), " ",
        h("span", { class = "hush" }, about(language, template))))
  end
  return h("fieldset", { class = "choices" }, h("legend", {}, i18n.text(language, "plain.template")), items)
end

--- The field for an invite's code.
function plain.invite(language)
  return h("p", { class = "invite" }, h("label", { ["for"] = "invite" }, i18n.text(language, "page.invite.label")),
    h("input", { id = "invite", name = "invite", type = "text", dir = "ltr", required = true, autocomplete = "off", autocapitalize = "none",
      spellcheck = "false", ["aria-describedby"] = "invite-hint" }),
    h("span", { id = "invite-hint", class = "hush" }, i18n.text(language, "problem.invite_needed.detail")))
end

return plain
