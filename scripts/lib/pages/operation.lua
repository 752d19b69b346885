--- The page of an operation: its progress, or how it ended.
local html = require "lib.pages.html"
local elements = require "lib.pages.elements"
local i18n = require "lib.pages.i18n"
local wording = require "lib.pages.wording"
local workspace = require "lib.pages.workspace"
local operation = {}

local h, code, notice, say = html.h, html.code, html.notice, elements.say

-- The kinds that make a workspace
local makes = { deploy = true, restore = true }

-- Title

local failed_titles = {
  deploy = "page.job.failed", restore = "page.job.failed", delete = "page.delete.failed",
}
local cancelled_titles = { sleep = "page.job.awake" }
local purge_titles = { deleting = "page.job.purging", deleted = "page.job.purged" }

--- The heading of an operation.
---@param reader Reader
---@param doc table  lib/operations/summary.lua
---@param name string|nil  to write for the workspace's
---@return string
function operation.title(reader, doc, name)
  local key = "page.job." .. doc.state
  if doc.state == "failed" then
    key = failed_titles[doc.kind] or "page.work.failed"
  elseif doc.state == "cancelled" then
    key = cancelled_titles[doc.kind] or key
  elseif doc.kind == "purge" then
    key = purge_titles[doc.state] or key
  elseif not i18n.has(key) then
    key = "page.job.running"
  end
  return say(reader, key, { name = name or doc.name })
end

-- Steps

local busy = { running = true, waiting = true, undoing = true }
local icons = { done = "done", failed = "bad", undone = "undo" }

-- After the end the failed step stands out, and nothing is still to come. Steps that leave nothing
-- to undo count as undone with the others.
local function step_state(doc, step)
  if doc.state == "failed" and step.step == doc.result.step then return "failed" end
  local is_over = doc.endedAt or doc.state == "rolling_back"
  if step.state == "pending" and is_over then return "skipped" end
  if step.state == "done" and doc.endedAt and makes[doc.kind] and doc.result.rolledBack then
    return "undone"
  end
  return step.state
end

-- The last detail of each step, such as what it waits for.
local function details_of(language, rows)
  local details = {}
  for _, row in ipairs(rows) do
    if row.event == "progress" then
      details[row.data.step] = wording.event(language, row.event, row.data).detail
    end
  end
  return details
end

local function step_item(reader, doc, step, detail)
  local state = step_state(doc, step)
  local ended_at = step.endedAt or state ~= "stopped" and doc.endedAt
  local is_timed = step.startedAt and (ended_at or busy[state])
  return h("li", { class = state, ["data-step"] = step.step },
    h("span", { class = "mark" }, icons[state] and html.icon(icons[state])),
    h("div", {}, h("span", { class = "name" }, step.title), " ",
      h("span", { class = "unseen" }, "(", say(reader, "page.step." .. state), ")"),
      h("span", { class = "detail" }, busy[state] and detail)),
    h("time", { ["data-from"] = is_timed and step.startedAt, ["data-to"] = ended_at }))
end

local function step_list(reader, doc, details)
  local items = {}
  for i, step in ipairs(doc.steps) do
    items[i] = step_item(reader, doc, step, details[step.step])
  end
  if #items == 0 then return nil end
  return h("details", { id = "steps", open = not doc.endedAt or doc.state == "failed" },
    h("summary", {}, say(reader, "page.steps")),
    h("ol", { id = "step-list", class = "steps" }, items))
end

-- Progress

local function queue_text(reader, doc)
  if doc.state ~= "queued" or not doc.position then return nil end
  local text = say(reader, "page.queue.position", { position = doc.position })
  if not doc.etaSeconds then return text end
  local time = i18n.duration(reader.language, doc.etaSeconds)
  return text .. " " .. say(reader, "page.queue.eta", { time = time })
end

local has_percent = { deploy = true, restore = true, delete = true }
local shows_percent = { running = true, restoring = true, deleting = true }

local function pace(doc, queue)
  local is_known = doc.percent > 0 or has_percent[doc.kind]
  local percent = shows_percent[doc.state] and ("%d%%"):format(doc.percent)
  return h("div", { id = "pace", class = "pace" },
    h("progress", { id = "bar", max = 100, value = is_known and doc.percent,
      ["aria-labelledby"] = "job-title" }),
    h("p", {}, h("span", { id = "now", class = "queue" }, queue),
      h("span", { class = "figures" }, h("span", { id = "percent" }, percent),
        h("time", { id = "elapsed", ["data-from"] = doc.createdAt }))))
end

-- Without JavaScript the page reloads itself, unless the reader has stopped that.
local function refreshing(reader, doc)
  local path = "/deployment/" .. doc.deploymentId
  if not reader.is_still then
    return h("noscript", { ["data-keep"] = true },
      h("p", { class = "hush" }, say(reader, "plain.refresh"), " ",
        h("a", { href = path .. "?still=1" }, say(reader, "plain.still"))))
  end
  return h("noscript", { ["data-keep"] = true }, h("p", { class = "row" },
    h("a", { class = "button small", href = path .. "?still=1" }, say(reader, "plain.again")),
    h("a", { href = path }, say(reader, "plain.moving"))))
end

-- Filled by www/view.js from the event stream, which has the log's lines.
local function log(reader)
  local title = say(reader, "page.log")
  return h("details", { id = "log", hidden = true, ["data-keep"] = true },
    h("summary", {}, title, " ", h("span", { id = "log-count", class = "count" })),
    h("div", { class = "logbox" },
      h("pre", { id = "log-lines", dir = "ltr", tabindex = 0, role = "region",
        ["aria-label"] = title }),
      h("button", { id = "log-copy", type = "button", class = "small",
        ["data-copy"] = "log-lines" }, say(reader, "page.copy"))))
end

local is_cancellable = { deploy = true, restore = true, sleep = true }

local function controls(reader, doc)
  local may_cancel = reader.is_mine and is_cancellable[doc.kind] and doc.state ~= "rolling_back"
  local path = ("/api/status/%s/cancel"):format(doc.deploymentId)
  local notify = h("p", { id = "notify-row", hidden = true, ["data-keep"] = true },
    h("button", { id = "notify", type = "button", class = "small" }, say(reader, "page.notify")),
    " ", h("span", { id = "notify-note", class = "hush", role = "status" }))
  local props = { id = "cancel" }
  return h("div", { class = "row" }, doc.state ~= "rolling_back" and notify,
    may_cancel and elements.button(reader, path, say(reader, "page.cancel"), nil, props))
end

-- Ends

local function leftovers(result)
  local items = {}
  for i, leftover in ipairs(result.leftovers or {}) do items[i] = h("li", {}, leftover.detail) end
  return #items > 0 and h("ul", { class = "leftovers" }, items)
end

local function cleaned(reader, doc)
  if not makes[doc.kind] then return leftovers(doc.result) end
  local is_clean = doc.result.rolledBack ~= false
  return {
    h("p", { class = is_clean and "cleaned" or "cleaned wrong" },
      html.icon(is_clean and "done" or "bad"),
      h("span", {}, say(reader, is_clean and "page.clean" or "page.left"))),
    leftovers(doc.result),
  }
end

local function again(href, label, is_retry)
  local props = { class = "button primary", id = "again", href = href, ["data-retry"] = is_retry }
  return h("p", { class = "row" }, h("a", props, label))
end

-- After a failed deployment the start page's script tries at once; after others it is a visit.
local function try_again(reader, doc)
  local label = say(reader, "page.again")
  if doc.kind == "restore" then return again("/stacks", label) end
  if doc.kind ~= "deploy" then return again("/stack/" .. doc.name, label) end
  return again("/?name=" .. doc.name, label, doc.state == "failed")
end

-- What helps an administrator: Dokploy's last answer and the end of its log.
local function last_words(reader, result)
  local answer, lines = result.lastAnswer, result.lastLog or {}
  if not answer and #lines == 0 then return nil end
  return h("details", { class = "last-words" }, h("summary", {}, say(reader, "page.failure.more")),
    answer and h("p", {}, answer.detail, answer.message and { " ", code(answer.message) }),
    #lines > 0 and h("pre", { dir = "ltr", class = "mono" }, table.concat(lines, "\n")))
end

local function support(reader, doc)
  local label, id = say(reader, "page.support"), doc.deploymentId
  local text = doc.result.requestId and doc.result.requestId .. " " .. id or id
  return h("p", { class = "hush row" }, h("span", {}, label, " ", code(text, "support")),
    elements.copy(reader, "support", label))
end

local ends = {}

function ends.failed(reader, doc)
  local result = doc.result
  return {
    notice("bad", h("p", {}, h("strong", {}, result.detail)),
      result.cause and h("p", {}, result.cause), h("p", {}, result.advice)),
    cleaned(reader, doc), try_again(reader, doc), last_words(reader, result),
    support(reader, doc),
  }
end

function ends.cancelled(reader, doc) return { cleaned(reader, doc), try_again(reader, doc) } end

local data_texts = {
  kept = "page.deleted.kept", deleted = "page.deleted.gone", left = "page.deleted.left",
}

function ends.deleted(reader, doc)
  local result = doc.result
  local text = data_texts[result.data]
  return {
    text and h("p", {}, say(reader, text)),
    result.volume
      and h("p", { class = "hush" }, say(reader, "page.volume"), " ", code(result.volume)),
    again("/", say(reader, "page.new")),
  }
end

-- What became of the workspace; `shown`: the workspace, when the reader owns it.
local function outcome(reader, doc, shown)
  local result, stays_awake = doc.result, doc.kind == "sleep" and doc.state == "cancelled"
  if stays_awake and shown then
    return { result.detail and notice("", result.detail), workspace.card(reader, shown) }
  end
  if ends[doc.state] then return ends[doc.state](reader, doc) end
  local warning = result.warning and notice("warn", result.warning)
  if shown then return { warning, workspace.card(reader, shown, doc.state) } end
  return { warning, workspace.stranger(reader, doc.name, result.url or doc.url, result.openUrl) }
end

-- Page

-- What a screen reader is told when it changes.
local function announcement(doc, title, queue)
  if doc.endedAt then return title end
  if queue then return queue end
  local current
  for _, step in ipairs(doc.steps) do
    if busy[step.state] then current = step.title end
  end
  return current
end

--- The page of an operation.
---@param reader Reader
---@param doc table    lib/operations/summary.lua
---@param rows table[]  its events
---@param shown table|nil  the workspace as it is now, for its owner, when the operation is over
---@return string title, Element view
function operation.page(reader, doc, rows, shown)
  local title, is_over = operation.title(reader, doc), doc.endedAt ~= nil
  local queue = queue_text(reader, doc)
  local props = {
    class = is_over and doc.state or "working", ["data-operation"] = doc.deploymentId,
    ["data-name"] = doc.name, ["data-kind"] = doc.kind, ["data-last"] = doc.lastEventId,
    ["data-over"] = is_over and doc.state, ["data-mine"] = reader.is_mine,
    ["data-clean"] = is_over and doc.result.rolledBack ~= false,
    ["data-now"] = os.date("!%Y-%m-%dT%H:%M:%SZ"),
  }
  local where = not is_over and doc.url
  local lost = h("p", { id = "lost", class = "notice", hidden = true }, say(reader, "live.lost"))
  local heading = html.around_name(operation.title(reader, doc, html.HOLE), doc.name)
  local view = elements.view(reader, props, heading,
    where and h("p", { class = "where" }, elements.address(where, doc.name, "job-address")),
    not is_over and lost,
    is_over and h("div", { id = "outcome" }, outcome(reader, doc, shown)),
    not is_over and { pace(doc, queue), refreshing(reader, doc) },
    step_list(reader, doc, details_of(reader.language, rows)), log(reader),
    not is_over and controls(reader, doc),
    h("p", { id = "say", class = "unseen", role = "status" }, announcement(doc, title, queue)))
  return is_over and title or ("%d%% · %s"):format(doc.percent, title), view
end

--- The page for an operation that does not exist.
---@return string title, Element view
function operation.unknown(reader)
  local title = say(reader, "page.job.gone")
  return title, elements.view(reader, { ["data-gone"] = true }, title,
    h("div", { id = "outcome" }, h("p", {}, say(reader, "page.job.gone.detail"))))
end

return operation
