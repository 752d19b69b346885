--- What hooks, schedules and routes of the site may do: `portal`. Whatever it changes is in the
--- audit log as the script's, and goes the way of the API: an operation that waits its turn and is
--- refused when the workspace is busy. See scripts/meta/portal.lua.
local config = require "core.config"
local json = require "core.json"
local log = require "core.log"
local server = require "core.server"
local audit = require "lib.auth.audit"
local duration = require "lib.base.duration"
local outgoing = require "lib.base.outgoing"
local workspace = require "lib.base.workspace"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local accept = require "lib.operations.accept"
local context = require "lib.operations.ctx"
local operation_states = require "lib.operations.states"

local portal = {}

local HTTP_TIMEOUT = 15 -- seconds
local LONGEST_NOTE = 1000 -- characters
local LONGEST_REASON = 200

local function no_workspace(name)
  return nil, ("there is no workspace %s"):format(tostring(name)), "stack_unknown"
end

-- Reading

local function view(row)
  local params = json.decode(row.params) or {}
  local used_at = row.used_at or row.since or row.created_at
  return {
    name = row.name, state = row.shown, template = row.template,
    owner = context.owner_of { owner_id = row.owner_id, params = params },
    url = row.url, open_url = row.url and workspace.open(row.url), image = row.image,
    parameters = params.parameters or {}, created_at = row.created_at, used_at = row.used_at,
    idle_seconds = math.max(0, server.now() - used_at),
    note = row.note and json.decode(row.note) or nil,
  }
end

local known = { state = true, owner = true, template = true, idle_for = true }

-- Of a workspace: what it is, or what is being done with it.
local states = { "asleep", "failed", "ready", "stopped", "unhealthy" }
for state, definition in pairs(operation_states) do
  if not definition.ended then states[#states + 1] = state end
end
table.sort(states)
local is_state = {}
for _, state in ipairs(states) do is_state[state] = true end

local function check_filter(filter)
  for key in pairs(filter) do
    if not known[key] then
      error(("portal.workspaces: unknown filter %s (known: idle_for, owner, state, template)")
        :format(tostring(key)), 3)
    end
  end
  if filter.state ~= nil and not is_state[filter.state] then
    error(("portal.workspaces: unknown state %s (known: %s)")
      :format(tostring(filter.state), table.concat(states, ", ")), 3)
  end
  local idle_for = filter.idle_for and duration.seconds(filter.idle_for)
  if filter.idle_for and not idle_for then
    error(('portal.workspaces: idle_for %q is no duration (such as "7 days" or seconds)')
      :format(tostring(filter.idle_for)), 3)
  end
  return idle_for
end

local function workspaces(filter)
  filter = filter or {}
  local idle_for, list, after = check_filter(filter), {}, nil
  repeat
    local rows, next_name = journal.stacks.search {
      state = filter.state, owner = filter.owner, after = after, limit = 500,
    }
    if not rows then return nil, next_name, "journal" end
    for _, row in ipairs(rows) do
      local shown = view(row)
      local is_wanted = (not filter.template or shown.template == filter.template)
        and (not idle_for or shown.idle_seconds >= idle_for)
      if is_wanted then list[#list + 1] = shown end
    end
    after = next_name
  until not after
  return list
end

local function find(name)
  local row, message, code = journal.stacks.shown(name)
  if row == nil then return nil, message, code end
  return row and view(row)
end

-- Acting

local function check_reason(reason, what)
  if type(reason) ~= "string" or reason == "" then
    error(("portal.%s(name, reason): say why, in a text"):format(what), 3)
  end
  return reason:sub(1, LONGEST_REASON)
end

---@class Actor
---@field name string  of the script
---@field operation_id string|nil  of a hook: the operation that its event is about

-- Whether an operation was on this workspace and not on an earlier one of the same name. A rebuild
-- stays the same workspace: its target is the deploy before it.
local function is_about(row, operation_id)
  local op, message, code = journal.operations.get(operation_id)
  if op == nil then return nil, message, code end
  if not op or op.name ~= row.name or op.owner_id ~= row.owner_id then return false end
  local origin, id = op.params.target or op.id, row.operation_id
  while id and id ~= origin do
    local later
    later, message, code = journal.operations.get(id)
    if later == nil then return nil, message, code end
    id = later and later.params.target
  end
  return id == origin
end

-- The workspace that a script may act on. An event may be delivered a day later, when the name is
-- somebody else's: a hook only reaches the workspace of its event.
local function target_of(actor, name)
  local row, message, code = journal.stacks.get(name)
  if row == nil then return nil, message, code end
  if not actor.operation_id then
    if not row then return no_workspace(name) end
    return row
  end
  local is_same = false
  if row then is_same, message, code = is_about(row, actor.operation_id) end
  if is_same == nil then return nil, message, code end
  if is_same then return row end
  return nil, ("workspace %s of the event no longer exists"):format(tostring(name)), "gone"
end

-- The statements for the audit log.
local function entry_of(actor, action, name, reason)
  return {
    who = { kind = "script", name = actor.name }, network = "", action = action, name = name,
    allowed = true, rule = reason, request_id = "",
  }
end

local function operation_of(op, message, code)
  if not op then return nil, message, code end
  return { id = op.id, kind = op.kind, state = op.state, name = op.name }
end

local function begin(actor, kind, name, reason)
  local row, message, code = target_of(actor, name)
  if not row then return nil, message, code end
  local function also(id) return { audit.statement(entry_of(actor, kind, name, reason), id) } end
  local op
  op, message, code = accept.begin(kind, row, {
    params = { reason = reason }, also = also, logged = { by = actor.name, reason = reason },
  })
  if op then change_events.changed "audit" end
  return operation_of(op, message, code)
end

local function delete(actor, name, reason, options)
  local row, message, code = target_of(actor, name)
  if not row then return nil, message, code end
  local data = options and options.data or "keep"
  if data ~= "keep" and data ~= "delete" then
    error('portal.delete: data is "keep" or "delete"', 3)
  end
  local op
  op, message, code = accept.delete {
    name = name, owner_id = row.owner_id, operation_id = row.operation_id, data = data,
    by = actor.name, reason = reason,
    also = function(id)
      return { audit.statement(entry_of(actor, "delete", name, reason), id) }
    end,
  }
  if op then change_events.changed "audit" end
  return operation_of(op, message, code)
end

-- Notes

-- A text, or one for each language, as the journal keeps it; nil to clear it.
local function note_of(text)
  if text == nil then return nil end
  local by_language = type(text) == "table" and text or { [""] = text }
  for language, value in pairs(by_language) do
    if type(language) ~= "string" or type(value) ~= "string" or #value > 4 * LONGEST_NOTE
      or (utf8.len(value) or LONGEST_NOTE + 1) > LONGEST_NOTE then
      error(("portal.note: the text is a string of at most %d characters, or a table such as "
        .. "{ en = ..., nl = ... }"):format(LONGEST_NOTE), 3)
    end
  end
  return next(by_language) and json.encode(by_language) or nil
end

local function note(actor, name, text)
  local value = note_of(text)
  local row, message, code = target_of(actor, name)
  if not row then return nil, message, code end
  local entry = audit.statement(entry_of(actor, "note", name, "portal.note"))
  local is_set
  is_set, message, code = journal.stacks.set_note(row, value, entry)
  if is_set == nil then return nil, message, code end
  if is_set == false then return no_workspace(name) end
  change_events.changed "stacks"
  return true
end

-- The rest

-- `json`: a value to send; the answer has `json`, the value received, when it is one.
local function send(request)
  local options = {}
  for key, value in pairs(request) do options[key] = value end
  options.timeout = options.timeout or HTTP_TIMEOUT
  if options.json ~= nil then
    options.body, options.method = json.encode(options.json), options.method or "POST"
    options.headers = { ["Content-Type"] = "application/json" }
    for name, value in pairs(request.headers or {}) do options.headers[name] = value end
    options.json = nil
  end
  local response, message, code = outgoing.request(options)
  if not response then return nil, message, code end
  response.json = json.decode(response.body)
  return response
end

--- The vocabulary for one script.
---@param script string  its name in the audit log: "hooks/welcome"
---@param about HookEvent|nil  of a hook, which may only act on the workspace of its event
---@return Portal
function portal.of(script, about)
  local actor = { name = script, operation_id = about and about.operation.id }
  local self = {
    workspaces = workspaces, workspace = find, now = server.now, http = send,
    site = config.site or {},
  }
  for _, kind in ipairs { "stop", "start", "restart", "sleep", "wake", "redeploy" } do
    self[kind] = function(name, reason)
      return begin(actor, kind, name, check_reason(reason, kind))
    end
  end
  function self.delete(name, reason, options)
    return delete(actor, name, check_reason(reason, "delete"), options)
  end
  function self.note(name, text) return note(actor, name, text) end
  function self.log(event, fields)
    local all = {}
    for key, value in pairs(fields or {}) do all[key] = value end
    all.script = script
    log.info(event, all)
  end
  return self
end

return portal
