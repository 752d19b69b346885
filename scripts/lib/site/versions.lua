--- Versions of the installation's own files (site/). A version is the whole folder. One road leads
--- into force for every change: check everything, record the version, load it, write it to the
--- folder. The journal keeps the last ones; going back is one more version with older files.
local json = require "core.json"
local log = require "core.log"
local server = require "core.server"
local shared = require "core.shared"
local disk = require "core.site"
local task = require "core.task"
local audit = require "lib.auth.audit"
local packing = require "lib.base.packing"
local site = require "lib.base.site"
local rows = require "lib.journal.site_versions"
local check = require "lib.site.check"
local faults = require "lib.site.faults"
local versions = { kept = 50 }

-- What is in force: in core.shared, because another Lua state takes over with each version

versions.number = site.number

--- The hash of the files in force.
---@return string
function versions.hash() return shared.get "site.hash" or disk.hash end

--- When it came into force, in seconds since 1970; nil when there never was one.
---@return number|nil
function versions.since() return shared.get "site.at" end

--- What was wrong with the files that were last refused; nil when the last ones were good.
---@return Problem[]|nil
function versions.problems()
  local problems = shared.get "site.problems"
  return problems and json.decode(problems)
end

-- Notes why files are not in force.
local function refuse(problems)
  local first, more = problems[1], #problems - 1
  shared.set("site.problems", json.encode(json.array(problems)))
  disk.reject {
    file = first.file, line = first.line,
    message = more > 0 and ("%s (and %d more)"):format(first.message, more) or first.message,
  }
end

local function whole(message) return { { file = "site", line = 0, message = message } } end

local function files_of(row) return packing.unpack(json.decode(row.files)) end

-- Adds a version: its number, or nil, message, code.
local function record(files, change)
  return rows.add({
    hash = disk.hash_of(files), author = change.author, source = change.source, note = change.note,
    product = server.info().version, files = json.encode(packing.pack(files)),
    kept = versions.kept,
  }, change.entry and audit.statement(change.entry))
end

local function note_active(number, hash, at)
  shared.set("site.number", number)
  shared.set("site.hash", hash)
  shared.set("site.at", at)
end

-- Loads files and puts them into force: true, or nil and why not.
local function load_version(files, number)
  local done, why = disk.activate(files, number)
  if number > 0 then rows.mark(number, done and "good" or "refused") end
  if not done then return nil, why end
  note_active(number, disk.hash_of(files), server.now())
  shared.set("site.problems", nil)
  shared.set("site.missing", nil)
  log.info("site.activated", { number = number })
  return true
end

-- The same for files that somebody changed. After a fall back, the mistakes that led to it stay
-- listed until then.
local function activate(files, number)
  local done, why = load_version(files, number)
  if done then faults.forget_changed(files) end
  return done, why
end

local function write(files, number)
  local written, message = disk.write_folder(files)
  if written then return rows.mark_written(number) end
  log.warn("site.not_written", { number = number, message = message })
end

-- One at a time

---@class SiteChange
---@field source string       push page rollback files
---@field author? string      who, for people
---@field note? string
---@field entry? AuditEntry   written together with the version
---@field expected? string    the hash that must be in force

local function put(files, change)
  local hash, message = disk.hash_of(files)
  if not hash then return nil, whole(message), "site_invalid" end
  if change.expected and change.expected ~= versions.hash() then return nil, nil, "site_changed" end
  local problems, why = check.run(files)
  if not problems then return nil, whole(why), "site_invalid" end
  if #problems > 0 then return nil, problems, "site_invalid" end
  local number, _, code = record(files, change)
  if not number then return nil, nil, code end
  local done, refused = activate(files, number)
  if not done then return nil, { refused }, "site_invalid" end
  write(files, number)
  return number
end

--- Checks files and puts them into force. Waits. Files that are refused change nothing.
---@param files table<string, string>
---@param change SiteChange
---@return integer|nil number
---@return Problem[]? problems
---@return string? code  site_invalid, site_changed (another version is in force), journal
function versions.put(files, change) return task.lock("site", put, files, change) end

--- Puts a version that is kept into force again, as a new version. Waits.
---@param number integer
---@param change SiteChange
---@return integer|nil number, Problem[]? problems, string? code  version_unknown, and as above
function versions.back(number, change)
  local row = rows.get(number)
  if not row then return nil, nil, row == false and "version_unknown" or "journal" end
  return versions.put(files_of(row), change)
end

-- Puts the newest version before `current` into force. When there is none, the installation's own
-- rules are missing: the portal is not ready then (a rollout of a release that the files do not fit
-- goes back), and lib/auth refuses what would change something.
local function fall_back(current, problems)
  local row = rows.newest(current)
  local done = load_version(row and files_of(row) or {}, row and row.number or 0)
  if not row or not done then shared.set("site.missing", true) end
  refuse(problems)
  return done and versions.number()
end

-- Records that a version fails while it runs.
local function note_left(number, reason, rule)
  log.error("site.left", { number = number, reason = reason })
  audit.write {
    who = { kind = "script", name = "site" }, network = "local", action = "leave_version",
    name = tostring(number), allowed = true, rule = rule, request_id = "",
  }
end

--- Leaves this version for the one before it, because it fails while it runs. Nothing on the disk
--- changes. Waits.
---@param reason string
---@return integer|nil number  that is in force now; nil when there is nothing to leave, or another
--- version has taken over
function versions.fall_back(reason)
  return task.lock("site", function()
    local current = versions.number()
    if current == 0 or versions.hash() ~= disk.hash then return nil end
    rows.mark_faulty(disk.hash)
    local number = fall_back(current,
      whole(("version %d was left: %s"):format(current, reason)))
    note_left(current, reason, "failed_in_a_row")
    return number
  end)
end

-- The folder's files; or nil and what is wrong.
local function read_checked()
  local files, message = disk.read_folder()
  if not files then return nil, whole(message) end
  local problems, why = check.run(files)
  if not problems then return nil, whole(why) end
  if #problems > 0 then return nil, problems end
  return files
end

-- The number for what the folder holds: a new version if it holds something new.
local function number_of(files)
  local hash, newest = disk.hash_of(files), rows.newest()
  if newest and newest.hash == hash then return newest.number end
  if not newest and next(files) == nil then return 0 end
  local number = record(files, { source = "files" })
  if number then rows.mark_written(number) end
  return number or 0
end

local function reload()
  local files, problems = read_checked()
  if not files then return refuse(problems) end
  local done, why = activate(files, number_of(files))
  if not done then refuse { why } end
end

--- Loads what is on the disk, once it is checked: for SIGHUP and changed files. Waits.
function versions.reload() task.lock("site", reload) end

local function put_back(row)
  local files = files_of(row)
  local done, why = activate(files, row.number)
  if done then return write(files, row.number) end
  -- one that was never in force gives way to the one that was
  if row.state == "pending" then return fall_back(row.number, { why }) end
  shared.set("site.missing", true)
  refuse { why }
end

-- Leaves the version that made the process before this one end: once is enough.
local function leave_stuck()
  if disk.stuck == "" then return end
  local row = rows.of_hash(disk.stuck)
  local files = not row and disk.read_folder()
  local is_new = files and disk.hash_of(files) == disk.stuck -- it ended while it loaded them
  local number = row and row.number or is_new and record(files, { source = "files" })
  rows.mark_faulty(disk.stuck)
  note_left(number or 0, "a library function did not return", "stuck")
end

-- At the start, before the portal listens: what the core loaded is the folder's files, or none when
-- those do not load.
local function resume()
  leave_stuck()
  local newest, rejected = rows.newest(), server.info().rejected
  -- after a restore on another machine, for example; files that are removed while it runs stay so
  local is_lost = not rejected and next(disk.files()) == nil
  if newest and (newest.written == 0 or is_lost and newest.hash ~= disk.hash) then
    put_back(newest) -- a change that a crash interrupted, or a folder that is gone
  elseif rejected then
    fall_back(nil, { rejected })
  elseif newest and newest.hash == disk.hash then
    note_active(newest.number, disk.hash, newest.at)
  elseif (rows.of_hash(disk.hash) or {}).state == "faulty" then
    -- until the files change, or an admin reloads them
    fall_back(nil, whole("these files were left because they failed while they ran"))
  elseif newest or next(disk.files()) then
    local files, problems = read_checked()
    if files then activate(files, number_of(files)) else fall_back(nil, problems) end
  end
end

--- Registers what happens at the start and on a reload. Only while the scripts load.
function versions.register()
  faults.on_persistent(function(reason)
    task.spawn("site.fall_back", versions.fall_back, reason)
  end)
  server.on_start(function() task.lock("site", resume) end)
  server.on_reload(versions.reload)
end

return versions
