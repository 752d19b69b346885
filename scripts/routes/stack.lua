--- A workspace, for its owner and the admin: see it, list them, stop, start, restart, delete it,
--- see or change its password.
local json = require "core.json"
local timer = require "core.timer"
local auth = require "lib.auth"
local identity = require "lib.auth.identity"
local clock = require "lib.base.clock"
local media = require "lib.base.media"
local names = require "lib.base.names"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local journal = require "lib.journal"
local change_events = require "lib.journal.change_events"
local lifetime_rows = require "lib.journal.lifetimes"
local sleep = require "lib.journal.sleep"
local accept = require "lib.operations.accept"
local i18n = require "lib.pages.i18n"
local lifetimes = require "lib.policy.lifetimes"
local limits = require "lib.policy.limits"
local view = require "lib.http.workspace_view"

local function name_of(req) return names.fold(req.params.name) end

-- Showing

local function show(req)
  local row, who = view.find(req, "look", name_of(req))
  local language = i18n.from(req)
  local doc = view.document(row)
  doc.trouble, doc.note = view.trouble(row, language), view.note(row, language)
  if view.reveals(req, who, row) then view.add_password(doc, language) end
  return answer.private(req, doc)
end

local function list(req, values, who)
  local owner_id = not identity.is_admin(who) and who.id or nil
  local asked = { owner_id = owner_id, limit = values.limit, after = values.after }
  local stacks, next_after = refusal.check(journal.stacks.list(asked))
  for i, row in ipairs(stacks) do stacks[i] = view.document(row) end
  return answer.private(req, {
    stacks = json.array(stacks), next = next_after or json.null,
    keptData = view.kept_data(owner_id),
  })
end

-- Deleting

-- Data that an earlier deletion kept is removed by an operation of its own; without any, the
-- answer is the same deletion again.
local function repeat_deletion(req, operation, data)
  if data ~= "delete" then return answer.accepted(req, operation) end
  local are_left = refusal.check(journal.volumes.are_left(operation.name, operation.owner_id))
  if not are_left then return answer.accepted(req, operation) end
  auth.allow(req, "delete", auth.what(operation), operation.name)
  local purging = refusal.check(accept.purge(operation.name, operation.owner_id))
  return answer.accepted(req, purging)
end

-- The newest deletion of the name, of one owner or all: of the workspace, or of the data it left.
local function last_deletion(name, owner_id)
  local deletion = refusal.check(journal.operations.newest(name, "delete", owner_id))
  if not deletion then return false end
  local purged = journal.operations.newest(name, "purge", deletion.owner_id)
  return purged and purged.created_at > deletion.created_at and purged or deletion
end

-- A repeated delete of what its owner has deleted gives the same operation again, to a client that
-- lost the first answer, even if someone else has the name by now.
local function delete_again(req, name, data)
  local is_known, who = refusal.catch(auth.who, req)
  if not is_known then view.refuse(who.code, name, who.options) end
  local is_admin = identity.is_admin(who)
  if not is_admin and not who.id then view.refuse_unknown(name) end
  local operation = last_deletion(name, not is_admin and who.id or nil)
  local is_deleted = operation and (operation.kind == "purge" or operation.state == "deleted")
  if not is_deleted then view.refuse_unknown(name) end
  return repeat_deletion(req, operation, data)
end

local function delete(req, values)
  local name, data = name_of(req), values.data or "keep"
  local row = refusal.check(journal.stacks.get(name))
  if not row then return delete_again(req, name, data) end
  local is_allowed, who = refusal.catch(view.allow, req, "delete", name, row)
  if not is_allowed and who.code ~= "stack_unknown" then error(who, 0) end
  if not is_allowed then return delete_again(req, name, data) end
  local operation, message, code =
    accept.delete { name = name, owner_id = row.owner_id, data = data, by = who.kind }
  if code == "stack_unknown" then return delete_again(req, name, data) end -- deleted meanwhile
  return answer.accepted(req, refusal.about(name, operation, message, code))
end

-- Removes what one deleted workspace left.
local function purge(req)
  local row = refusal.check(journal.volumes.get(req.params.volume))
  if not row or not identity.can_manage(auth.reader(req), row.owner_id) then
    refusal.raise "files_unknown"
  end
  auth.allow(req, "delete", auth.what(row), row.name)
  local options = { params = { volume = row.volume } }
  local op, message, code = accept.purge(row.name, row.owner_id, options)
  return answer.accepted(req, refusal.about(row.name, op, message, code))
end

-- Operating

local function begin(req, kind)
  local name = name_of(req)
  local row = view.find(req, kind, name)
  return answer.accepted(req, refusal.about(name, accept.begin(kind, row)))
end

-- A form gets the password on the workspace's page, which shows it to the owner.
local function reveal(req)
  local name = name_of(req)
  local row = view.find(req, "reveal", name)
  if not view.has_password(row) then refusal.raise("stack_unfit", { args = { name = name } }) end
  view.note_visit(row)
  if media.is_form(req) then return answer.see_other("/stack/" .. name .. "?show=password") end
  local doc = { name = name }
  view.add_password(doc, i18n.from(req))
  local failed = doc.passwordProblem
  if failed then
    refusal.raise("password_unknown", { args = { detail = failed.detail }, retry_after = 10 })
  end
  return { json = doc }
end

-- It falls asleep later, also when it is about to.
local function keep_awake(req)
  local name = name_of(req)
  local row = view.find(req, "keep_awake", name)
  if row.state ~= "ready" then refusal.raise("stack_unfit", { args = { name = name } }) end
  local seconds = timer.to_real(limits.sleep.keep_awake)
  local until_at = refusal.check(sleep.keep_awake(row, seconds))
  if not until_at then view.refuse_unknown(name) end
  change_events.changed "stacks"
  if media.is_form(req) then return answer.see_other("/stack/" .. name) end
  return { json = { name = name, awakeUntil = clock.iso(until_at) } }
end

-- Its lifetime ends later.
local function extend(req)
  local name = name_of(req)
  local row = view.find(req, "extend", name)
  local is_extended = lifetimes.may_extend(row)
    and refusal.check(lifetime_rows.extend(row, lifetimes.extend, lifetimes.at_most))
  if not is_extended then refusal.raise("lifetime_full", { args = { name = name } }) end
  change_events.changed "stacks"
  if media.is_form(req) then return answer.see_other("/stack/" .. name) end
  row = refusal.check(journal.stacks.get(name)) or view.refuse_unknown(name)
  return { json = { name = name, endsAt = clock.iso((lifetimes.ends(row))) } }
end

local function password(req, values)
  if values.action == "rotate" then return begin(req, "rotate") end
  return reveal(req)
end

-- Declarations

local function accepted(description)
  return { [202] = { description, schema = "Operation", location = true } }
end

local begun = accepted "Begun; follow statusUrl"
local deleted = accepted "Being deleted, or deleted already"
local unfit = { "stack_unknown", "stack_busy", "stack_unfit" }

local function operation(kind, summary, text)
  local function handler(req) return begin(req, kind) end
  return { "POST", "/api/stack/:name/" .. kind, handler, summary = summary, text = text,
    access = "owner", scope = "create", form = true, answers = begun, problems = unfit }
end

routes.add("Workspaces", {
  { "GET", "/api/stack/:name", show,
    summary = "See a workspace",
    text = "The password is shown to the owner only, also to a token with the scope `secrets`. It "
      .. "is read from Dokploy; when Dokploy does not answer, the view comes without it and "
      .. "`passwordProblem` says why. To everyone else the workspace does not exist.",
    access = "owner", scope = "read",
    answers = { [200] = "Stack" }, problems = { "stack_unknown" } },

  { "GET", "/api/stacks", list,
    summary = "List an owner's workspaces, or all for the admin",
    text = "In the order of their names. `keptData` lists the files that deleted workspaces left: "
      .. "start again with them by `files` of POST /api/deploy, or delete them.",
    access = "owner", allow = "list", query = { "limit", "after_cursor" },
    answers = { [200] = "Stacks" } },

  { "DELETE", "/api/stack/:name", delete,
    summary = "Delete a workspace",
    text = "Removes its address, application and project; its files are kept unless `data=delete`. "
      .. "Idempotent: while it is being deleted and afterwards, its owner gets the same operation "
      .. "again. A workspace that is still being made is cancelled. Files that an earlier deletion "
      .. "kept are removed by `data=delete` as well, by an operation of its own that ends with the "
      .. "event deleted.",
    access = "owner", scope = "delete", query = { "data" }, answers = deleted,
    problems = { "stack_unknown" } },

  { "POST", "/api/stack/:name/delete", delete,
    summary = "Delete a workspace from a form",
    text = "The same as DELETE /api/stack/:name.",
    access = "owner", scope = "delete", body = "DeleteData", form = true, answers = deleted,
    problems = { "stack_unknown" } },

  { "DELETE", "/api/kept/:volume", purge,
    summary = "Delete kept files",
    text = "Those of one deleted workspace. Idempotent while they are being deleted; afterwards "
      .. "there are none. Ends with the event deleted.",
    access = "owner", scope = "delete", answers = deleted,
    problems = { "files_unknown", "stack_busy" } },

  { "POST", "/api/kept/:volume/delete", purge,
    summary = "Delete kept files from a form",
    text = "The same as DELETE /api/kept/:volume.",
    access = "owner", scope = "delete", form = true, answers = deleted,
    problems = { "files_unknown", "stack_busy" } },

  operation("stop", "Stop a workspace",
    "Its container ends; its address, files and settings stay. Ends with the event stopped."),
  operation("start", "Start a stopped workspace",
    "Ends with the event ready, once it is healthy."),
  operation("restart", "Stop and start a workspace",
    "Ends with the event ready, once it is healthy."),
  operation("sleep", "Let a workspace fall asleep",
    "Its container ends until the workspace is woken, and its files stay; unless it is in use, or "
      .. "does not report that it is not: then this ends with the event cancelled. Templates with "
      .. "`sleep_after` do this by themselves."),
  operation("wake", "Wake a workspace that is asleep",
    "Ends with the event ready, once it is healthy."),

  { "POST", "/api/stack/:name/awake", keep_awake,
    summary = "Keep a workspace awake",
    text = "For as long as `sleep.keep_awake` of policy/limits.lua says it does not fall asleep, "
      .. "also when it is about to.",
    access = "owner", scope = "create", form = true, answers = { [200] = "KeptAwake" },
    problems = { "stack_unknown", "stack_unfit" } },

  { "POST", "/api/stack/:name/extend", extend,
    summary = "Extend a workspace's lifetime",
    text = "By `lifetimes.extend` of policy/limits.lua, as often as its `at_most` allows. The "
      .. "owner is warned again before the new end.",
    access = "owner", scope = "create", form = true, answers = { [200] = "Extended" },
    problems = { "stack_unknown", "lifetime_full" } },

  { "POST", "/api/stack/:name/password", password,
    summary = "See or change a workspace's password",
    text = "`reveal` shows it to the owner and audits that. `rotate` makes a new one and restarts "
      .. "the workspace with it; it ends with the event ready once the workspace accepts the new "
      .. "password. If it does not, the old one is restored.",
    access = "owner", scope = "secrets", body = "PasswordAction", form = true,
    answers = { [200] = "Password", [202] = begun[202] },
    problems = { "stack_unknown", "stack_busy", "stack_unfit", "password_unknown" } },
})
