--- The shapes of what the API takes and gives, as JSON Schema: request bodies are checked against
--- them (lib/http/input.lua), and the OpenAPI document contains them.
---
--- A shape is written as its fields: "name: type (description), ..."; "name?" may be absent, a text
--- needs no type. A type is one of `types` below or another shape; "[]" after it makes a list,
--- "|null" allows null.
local json = require "core.json"
local clock = require "lib.base.clock"
local problem = require "lib.http.problem"
local template_parameters = require "lib.http.template_parameters"
local kinds = require "lib.operations.kinds"
local states = require "lib.operations.states"
local name_policy = require "lib.policy.names"
local templates = require "lib.policy.templates"
local sorted_keys = require("lib.schema").sorted_keys

local function one_of(values) return { type = "string", enum = json.array(values) } end

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do list[#list + 1] = word end
  return list
end

local enums = {
  access = "open invite forward-auth closed",
  breaker = "closed open half_open",
  change = "stacks operations leftovers findings audit access outbox site portal all",
  data = "keep delete",
  drift_kind = "vanished unknown in_error",
  drift_action = "adopt repair remove",
  drift_resolution = "gone adopted repaired removed",
  dokploy_word = "ok unreachable unknown", shared_limits = "shared separate",
  health = "healthy degraded",
  invite_state = "good used_up expired revoked",
  kept = "kept left", kept_state = "kept left restoring held purging",
  level = "ok warn fail unknown",
  name_code = "name_invalid name_reserved name_taken name_resting",
  outbox_act = "retried dropped", outbox_state = "waiting failed",
  outcome = "kept deleted left",
  person = "admin owner user token visitor script",
  scope = "create read delete secrets admin",
  template_change = "gone changed",
  site_source = "push page rollback files", site_state = "pending good refused faulty",
  stack_action = "stop start restart sleep wake redeploy delete",
  step_state = "pending running waiting stopped done skipped undoing undone",
  token_state = "good expired revoked",
  via = "none bearer cookie proxy",
}

local function operation_kinds()
  local list = sorted_keys(kinds)
  list[#list + 1] = "adopt" -- done at once, so it has no row in lib/operations/kinds.lua
  return list
end

-- What a workspace is, or what is being done with it.
local function stack_states()
  local list = words "ready unhealthy stopped asleep failed"
  for _, state in ipairs(sorted_keys(states)) do
    if not states[state].ended then list[#list + 1] = state end
  end
  return list
end

local types = {
  text = { type = "string" },
  time = { type = "string", format = "date-time" },
  flag = { type = "boolean" },
  count = { type = "integer", minimum = 0 },
  percent = { type = "integer", minimum = 0, maximum = 100 },
  object = { type = "object" },
  source = { type = "string", ["x-verbatim"] = true },
  number = { type = "number" },
  deployments = { type = "integer", minimum = 1, maximum = 100 },
  code = one_of(sorted_keys(problem.status)),
  operation_kind = one_of(operation_kinds()),
  operation_state = one_of(sorted_keys(states)),
  stack_state = one_of(stack_states()),
  label = {
    type = "string", maxLength = 100, pattern = "^[^\0-\x1f\x7f]*$",
    title = "at most 100 characters",
  },
  seconds = { type = "integer", minimum = 1, maximum = 10 * 366 * 86400 },
  uses = { type = "integer", minimum = 1, maximum = 100000, default = 1 },
  owner_id = { type = "string", pattern = "^[A-Za-z0-9_.-]+$", title = "an owner's id" },
  files = {
    type = "object", title = '{ "policy/names.lua": "text", ... }',
    additionalProperties = { anyOf = json.array {
      { type = "string" },
      { type = "object", properties = { base64 = { type = "string" } },
        required = json.array { "base64" } },
    } },
  },
  ids = { type = "array", items = { type = "integer" }, title = "[1, 2, ...]" },
  password_action = one_of { "reveal", "rotate" },
}
types.password_action.default = "reveal"
for name, values in pairs(enums) do types[name] = one_of(words(values)) end
-- A rule of an installation may refuse with a code of its own.
for _, name in ipairs { "code", "name_code" } do
  local own = { type = "string", pattern = "^[a-z][a-z0-9_]*$", maxLength = 64 }
  own.description = "of a rule of this installation"
  types[name] = { anyOf = json.array { types[name], own } }
end

local function type_of(text)
  local base = text:match("^(.*)|null$")
  if base then return { anyOf = json.array { type_of(base), { type = "null" } } } end
  base = text:match("^(.*)%[%]$")
  if base then return { type = "array", items = type_of(base) } end
  if types[text] then return types[text] end
  if text:find("^%u") then return { ["$ref"] = "#/components/schemas/" .. text } end
  error(("lib/http/schemas.lua: unknown type %q"):format(text), 0)
end

local function property(text, description)
  local schema = type_of(text == "" and "text" or text)
  if not description then return schema end
  local copy = { description = description }
  for key, value in pairs(schema) do copy[key] = value end
  return copy
end

local components = {}

local function shape(name, fields)
  local properties, required = {}, {}
  local descriptions = {}
  fields = fields:gsub("%s*(%b())", function(text)
    descriptions[#descriptions + 1] = text:sub(2, -2)
    return "#" .. #descriptions
  end)
  for field in fields:gmatch("[^,]+") do
    local key, mark, kind, index = field:match("^%s*([%w_]+)(%??):?%s*([%w_|%[%]]*)#?(%d*)%s*$")
    properties[key] = property(kind, descriptions[tonumber(index)])
    if mark == "" then required[#required + 1] = key end
  end
  local schema = { type = "object", properties = properties }
  if #required > 0 then schema.required = json.array(required) end
  components[name] = schema
  return schema
end

--- Adds the schema of a request's body, which may have no other fields; `pattern`: of names that
--- may be present too. Only while the scripts load.
---@param name string
---@param fields string  "text, count?: count (how many)"
local function body(name, fields, pattern)
  local schema = shape(name, fields)
  schema.additionalProperties = false
  if pattern then schema.patternProperties = { [pattern] = types.text } end
end

-- Server-sent events: { name = the fields of its data }; the schema is that of any of them.
local function stream(name, events)
  local list, by_event = {}, {}
  for i, event in ipairs(sorted_keys(events)) do
    local component = event:sub(1, 1):upper() .. event:sub(2) .. "Event"
    shape(component, events[event])
    list[i] = type_of(component)
    by_event[event] = "#/components/schemas/" .. component
  end
  components[name] = {
    anyOf = json.array(list), ["x-events"] = by_event,
    description = "Server-sent events with ascending ids; x-events maps their names to their data",
  }
end

-- Errors and names

shape("Problem", [[type (a URN made of the code), title, detail, status: count,
  code: code (for programs; never changes), instance (the request's id, as in X-Request-Id),
  field? (the part of the request that is wrong), retryAfter?: count (seconds),
  suggestions?: text[], failing?: text[], problems?: SiteProblem[] ]])
shape("Form", "csrf (the token of GET /api/owner or of the page)")
shape("Reason", "code, detail")
shape("Check", [[name (as it would be used), valid: flag, available: flag, code?: name_code,
  detail?, suggestions?: text[] ]])

-- Deployments and operations

body("Deploy", ("name (upper case and surrounding blanks are folded), template? (one of: %s), "
  .. "invite? (an invite's code, where access requires one), files? (the volume of kept data, to "
  .. "start again with; without a template, that of the deleted workspace)"):format(
  table.concat(templates.ids(), ", ")), template_parameters.FORM_NAME)
components.Deploy.properties.parameters = template_parameters.schema()
components.Deploy.examples = json.array {
  { name = name_policy.example(), parameters = template_parameters.examples(templates.find()) },
}
shape("Accepted", [[deploymentId, name, url (where the workspace will answer), statusUrl, template,
  ownerKey? (keep it: it alone opens and deletes the workspace. Send it as Authorization: Bearer; a
  browser also has it in a cookie. Users of a proxy and tokens get none)]])
shape("Operation", "deploymentId, name, state?: operation_state, statusUrl")
shape("Cancelled", [[deploymentId, name?, state: operation_state, detail, statusUrl,
  cancelled: flag (whether it was asked to stop)]])
shape("Step", "step, title, state: step_state, startedAt?: time, endedAt?: time")
shape("Status", [[deploymentId, name, url?, kind: operation_kind, state: operation_state, step?,
  percent: percent, position?: count, etaSeconds?: count, createdAt: time, startedAt?: time,
  endedAt?: time, lastEventId: count, steps: Step[],
  result: object|null (the data of the last event, once it exists)]])
shape("LeftThing", "kind, id?, detail")
shape("LastAnswer", "method, procedure, status?: count, message?, at: time, detail")
stream("StatusStream", {
  queued = "at: time, position: count, etaSeconds?: count",
  progress = "at: time, step, title, state: step_state, percent?: percent, detail?",
  log = "at: time, line",
  ready = "at: time, name, url?, openUrl?, warning? (what was not proven)",
  failed = [[at: time, code, step?, title?, detail, advice, cause?, causeCode?,
    lastAnswer?: LastAnswer, lastLog: text[], rolledBack?: flag, leftovers: LeftThing[],
    requestId?]],
  cancelled = "at: time, step?, detail?, rolledBack?: flag, leftovers: LeftThing[]",
  deleted = "at: time, name, data?: outcome, volume?",
  stopped = "at: time, name",
  asleep = "at: time, name",
})

-- Workspaces

shape("Trouble", "code, detail, since?: time")
shape("Stack", [[name, state: stack_state, url?, openUrl? (the page to work on), image?, template?,
  createdAt: time, lastUsedAt?: time (when anyone last worked in it, as far as it reports),
  sleepAfterSeconds?: count (without use, then it falls asleep; missing: never),
  sleepsAt?: time (when it falls asleep, if nobody uses it until then),
  awakeUntil?: time (its owner keeps it awake until then),
  endsAt?: time (its lifetime is over then: it is deleted, and its files are kept),
  extendSeconds?: count (its owner may extend its lifetime by these),
  deploymentId, statusUrl, volume? (with its files), trouble?: Trouble,
  note? (what the portal's administrator tells the owner), username?,
  password? (for the owner only), passwordProblem?: Reason]])
shape("KeptData", [[volume, name, reason: kept, state: kept_state (held: by a workspace that
  could not be removed), since: time, until?: time (deleted then, unless they are used again)]])
shape("Stacks", "stacks: Stack[], next: text|null (send it as ?after=), keptData: KeptData[]")
shape("Extended", "name, endsAt: time")
shape("KeptAwake", "name, awakeUntil: time")
body("PasswordAction", "action?: password_action")
shape("Password", "name, username, password")
body("DeleteData", "data?: data")

-- Owners

shape("Owner", [[kind: person, ownerId?, name? (a user's name, a token's label),
  via: via (the credential), scopes?: scope[], access: access,
  csrf (for the field csrf of forms; valid for a day)]])
body("OwnerName", "owner?: owner_id (for the admin: the owner's id)")
shape("Link", "link (a path of this portal), seconds: count, expiresAt: time")
body("EnterKey", "key: text, name?: text (of a workspace, whose page a form goes on to)")
shape("EnteredKey", "ownerId")
body("LinkSecret", "link (what follows # in the link)")
shape("OwnerKey", "ownerKey?, revoked?: flag (for the admin, without the key)")
shape("Revoked", "revoked: flag")
shape("Left", "left: flag")

-- Invites, tokens, audit log

shape("RevokedRow", "id, revoked: flag")
body("NewInvite", [[label?: label, uses?: uses,
  expiresIn?: seconds (that it is valid; without it, until it is revoked)]])
shape("Invite", [[id, code? (shown once, when it is created), label, uses: count,
  used: count (its deployments that did not fail), state: invite_state, createdAt: time,
  expiresAt?: time, revokedAt?: time]])
shape("Invites", "invites: Invite[], next: text|null (send it as ?after=)")
body("NewToken", [[label: label, expiresIn?: seconds, owner?: owner_id,
  scopes (one or more of create, read, delete, secrets, admin, separated by blanks)]])
shape("Token", [[id, token? (shown once, when it is created), state: token_state, label,
  scopes: scope[], ownerId, createdAt: time, expiresAt?: time, revokedAt?: time,
  usedAt?: time (the last use, to the minute)]])
shape("Tokens", "tokens: Token[], next: text|null (send it as ?after=)")
shape("Entry", [[id: count, at: time, who: person, ownerId?, whoName?,
  network (the client's /24, or /64), action, name? (of the workspace, or an id), deploymentId?,
  allowed: flag, rule (of scripts/policy/access.lua; of a script, its reason),
  policy (the generation of the scripts and when it was loaded), requestId]])
shape("Audit", "entries: Entry[], next: count|null (send it as ?before=)")

-- The admin's lists

shape("AdminStack", [[name, state: stack_state, ownerId, url?, image?, template?, createdAt: time,
  since: time (in this state), memoryBytes?: count (its limit), volume?,
  lastSeen?: time (healthy, since the portal started), lastUsedAt?: time, deploymentId,
  workId? (the operation in progress), trouble?: Reason]])
shape("PoolCount", "template, warm: count, size: count")
shape("StateCount", "state: stack_state, count: count")
shape("AdminStacks", [[stacks: AdminStack[], next: text|null (send it as ?after=),
  states: StateCount[] ]])
body("BulkAction", [[action: stack_action, names (separated by commas or blanks, at most 200),
  data?: data]])
shape("BulkResult", "name, deploymentId?, statusUrl?, code?, detail?")
shape("BulkResults", "results: BulkResult[]")
shape("OperationRow", [[deploymentId, kind: operation_kind, name, ownerId, template?,
  state: operation_state, step?, code? (why it failed), detail? (the same as a sentence),
  createdAt: time, startedAt?: time, endedAt?: time, statusUrl, position?: count (in the queue),
  etaSeconds?: count]])
shape("Operations", "operations: OperationRow[], next: count|null (send it as ?before=)")
shape("Queue", [[places: count (how many run at once), running: OperationRow[],
  waiting: OperationRow[] ]])
shape("Leftover", [[deploymentId, name, since?: time, triedAt?: time, things: LeftThing[],
  byHand: flag (whether a step of the installation made some of it)]])
shape("Volume", [[volume, name, ownerId?, reason: kept, state: kept_state, since?: time,
  until?: time]])
shape("Leftovers", "leftovers: Leftover[], keptData: Volume[]")
shape("Tried", "deploymentId, gone: flag")

-- Drift

shape("DriftRun", [[at: time|null (the end of the last complete comparison), running: flag,
  trouble?: Reason (why the last one failed)]])
shape("DriftRunStarted", "looked: DriftRun")
shape("Finding", [[id: count, kind: drift_kind, name, ownerId, deploymentId? (that made it),
  projectId?, applicationId?, image?, volume? (with its files), host?,
  service? (of a vanished workspace, which still runs), command? (that removes it and its route),
  createdAt?: time (in Dokploy), detail, advice? (while it is open), since: time,
  resolvedAt?: time, resolution?: drift_resolution, actions: drift_action[],
  statusUrl? (of its latest operation)]])
shape("Findings", [[findings: Finding[], next: count|null (send it as ?before=),
  open: count (not resolved), looked: DriftRun]])
body("AdoptFindings", "ids?: ids, all?: flag")
shape("NotAdopted", "id: count, name, code, detail")
shape("Adoptions", "adopted: Finding[], refused: NotAdopted[]")

-- Hooks and webhooks

shape("OutboxEntry", [[id: count, target (hooks/NAME or webhooks/NAME), type, name (of the
  workspace), deploymentId, state: outbox_state, createdAt: time, attempts: count,
  error? (why the last attempt failed), nextAt: time, failedAt?: time]])
shape("Outbox", [[entries: OutboxEntry[], next: count|null (send it as ?before=),
  disabled: text[] ]])
shape("OutboxChanged", "id: count, done: outbox_act")

shape("Schedule", [[name, cron, zone, lastAt?: time (when its last run began), endedAt?: time,
  error? (why it failed), nextAt?: time]])
shape("Schedules", "schedules: Schedule[]")
shape("Fault", [[kind (handler, rule, name_check, step, hook or schedule), name?, where (its
  file and line, as far as known), message, traceback?, request? (the id of the last one that met
  it), count: count (in the last hour), first: time, last: time]])
shape("Faults", "faults: Fault[]")

-- The installation's own files

shape("SiteProblem", [[file (such as site/policy/names.lua; empty when it is about no file),
  line: count (0 when unknown), message]])
shape("SiteVersion", [[number: count, hash, at: time, author?, source: site_source, note?,
  product (the portal's version then), state: site_state]])
shape("Site", [[number: count (0: there never was a version), hash, at?: time, author?,
  source?: site_source, note?, editable: flag, folder? (SITE_DIR), files: files,
  problems?: SiteProblem[] (of an edit that was refused and is not in force)]])
shape("SiteVersions", "inForce: count, versions: SiteVersion[]")
shape("SiteFiles", [[number: count, hash, at: time, author?, source: site_source, note?,
  files: files]])
body("NewSite", "files: files (all of them: others are removed), note?: label")
body("SiteCandidate", "files: files")
shape("SiteChanged", "number: count, hash")
shape("SiteChecked", "problems: SiteProblem[]")
body("SiteTrial", [[files: files, deploy?: deployments (this many are deployed on a simulated
  Dokploy), faults?: percent (of its calls and deployments that fail)]])
shape("Decided", "result (yes, or the code of the refusal), rule")
shape("ChangedDecision", [[id: count, at: time, action, name?, who: object, before: Decided,
  after: Decided]])
shape("RefusedName", "name, code")
shape("ChangedTemplate", "id, workspaces: count, change: template_change")
shape("FoundFault", "where, message, count: count")
shape("Replayed", [[decisions: count (that were tried), changed: count (of these),
  changes: ChangedDecision[], names: RefusedName[] (of workspaces that exist),
  templates: ChangedTemplate[] (that workspaces use), faults: FoundFault[] (while deciding)]])
shape("RehearsedStep", "step, count: count, seconds: number (on average), longest: number")
shape("Rehearsed", [[deployments: count, ready: count, failed: count (and all removed again),
  leftovers: count (failed, and something is left), refused: count, unfinished: count,
  faults: count (that were met), reasons: object (how often each code, with the field if it has
  one), steps: RehearsedStep[] ]])
shape("SiteTried", [[problems: SiteProblem[] (if there are any, nothing else was done),
  replay?: Replayed, rehearsal?: Rehearsed]])

-- The portal

shape("SiteInForce", "number: count, hash (its first 12 digits), at?: time")
shape("FaultPlace", "where (file and line), count: count (in the last hour)")
shape("Degraded", [[code, detail, file?, line?: count, message?, at?: time, since?: time,
  retryAt?: time, count?: count, vanished?: count, unknown?: count, inError?: count,
  places?: FaultPlace[], problems?: SiteProblem[] (for the admin) ]])
shape("AccessMode", "mode: access, detail")
shape("DokployHealth", [[reachable?: flag, version?, checkedAt?: time, breaker: breaker,
  rehearsal: flag]])
shape("Health", [[status: health, version, release? (the name of this build),
  generation: count (how often the scripts were loaded), loadedAt?: time, startedAt?: time,
  site?: SiteInForce, dokploy?: DokployHealth, access?: AccessMode, degraded: Degraded[] ]])
shape("DoctorFinding", "level: level, what")
shape("DoctorReport", [[status: level, ok?: count, warn?: count, fail?: count, checkedAt?: time,
  findings?: DoctorFinding[] ]])
shape("Ready", [[status, release?, journal, scripts, dokploy: dokploy_word, breaker: breaker,
  limits: shared_limits (whether clients of a proxy that is not trusted share theirs),
  doctor: DoctorReport (the last scheduled checks; unknown before the first)]])
shape("Rejected", "file, line: count, message, at?: time")
shape("Scripts", "generation: count, loadedAt?: time, rejected?: Rejected (the last edit)")
shape("BreakerState", "state: breaker, since?: time, failures?: count, retryAt?: time")
shape("Dokploy", [[url?, rehearsal?: flag, reachable?: flag, version?, trouble?, checkedAt?: time,
  breaker: BreakerState]])
shape("Summary", [[status: health, degraded: Degraded[], version, release?, startedAt?: time,
  access?: AccessMode, policy: Scripts, dokploy: Dokploy, stacks: StateCount[],
  pool: PoolCount[] (made ahead, of templates that have a pool),
  memorySavedBytes: count (by workspaces that are asleep), running: count,
  waiting: count, places?: count, leftovers: count, findings: count, streams?: count,
  connections?: count, memory?: count (of the scripts, in bytes)]])
stream("ChangeStream", { changed = "kind: change", over = "" })

-- Forms of the admin pages

body("LogIn", "token, next? (where to go afterwards: a path below /admin), username?")
body("StacksAction", "act, names, data?, confirm?")
body("RemoveFinding", "data?, confirm?")
body("PickedFindings", "act?", "^pick[.]")
body("ScriptForm", "file, hash, text?: source, note?: label, act?, deploy?")
body("ScriptHash", "hash")
body("TokenForm", "label: label, expiresIn?: seconds", "^scope[.]")

-- Columns whose names are not the property's in snake_case.
local columns = { deploymentId = "operation_id", lastUsedAt = "used_at" }

local function column_of(name)
  columns[name] = columns[name] or name:gsub("%u", function(sign) return "_" .. sign:lower() end)
  return columns[name]
end

--- A document of a shape from a row of the journal: each property that `more` lacks is the column
--- of its name (createdAt: created_at), a time in ISO 8601.
---@param name string
---@param row table
---@param more table|nil  properties that are made otherwise; it becomes the document
---@return table document
local function document(name, row, more)
  local doc = more or {}
  for key, schema in pairs(components[name].properties) do
    local value = row[column_of(key)]
    if doc[key] == nil then doc[key] = schema.format and clock.iso(value) or value end
  end
  return doc
end

return { components = components, document = document, add_body = body }
