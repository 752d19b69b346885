--- The installation's own files as documents, and changing them: for the API and the admin page
--- "Scripts". Each function raises refusals.
local config = require "core.config"
local json = require "core.json"
local disk = require "core.site"
local clock = require "lib.base.clock"
local packing = require "lib.base.packing"
local refusal = require "lib.base.refusal"
local document = require("lib.http.schemas").document
local change_events = require "lib.journal.change_events"
local rows = require "lib.journal.site_versions"
local check = require "lib.site.check"
local try = require "lib.site.try"
local versions = require "lib.site.versions"
local site = {}

--- Whether the API and the page may change them.
---@return boolean
function site.is_editable() return config.site_edit == "on" end

--- What is in force.
---@return table document
function site.current()
  local number, problems = versions.number(), versions.problems()
  local row = number > 0 and refusal.check(rows.get(number)) or {}
  return document("Site", row, {
    number = number, hash = disk.hash, editable = site.is_editable(), folder = disk.folder,
    files = packing.pack(disk.files()), problems = problems and json.array(problems),
  })
end

--- The versions that are kept, newest first.
---@return table document
function site.versions()
  local list = refusal.check(rows.list())
  for i, row in ipairs(list) do list[i] = document("SiteVersion", row) end
  list.changes = nil
  return { inForce = versions.number(), versions = json.array(list) }
end

--- A version with its files.
---@param text string  its number
---@return table document
function site.version(text)
  local number = math.tointeger(tonumber(text))
  local row = number and refusal.check(rows.get(number))
  if not row then refusal.raise("version_unknown", { args = { number = text } }) end
  return document("SiteFiles", row, { files = json.decode(row.files) })
end

--- The files of a request's table.
---@param packed table
---@return table<string, string>
function site.files_of(packed)
  local files, path = packing.unpack(packed)
  if files then return files end
  refusal.raise("value_invalid", {
    field = "files", args = { field = "files", good = ('%s: "text"'):format(path) },
  })
end

--- What is wrong with files that are not in force. Waits.
---@param files table<string, string>
---@return Problem[]
function site.problems(files)
  local hash, message = disk.hash_of(files)
  if not hash then return { { file = "site", line = 0, message = message } } end
  return (refusal.check(check.run(files)))
end

local function tried(files, options)
  local result, message = try.run(files, options)
  if not result then return { problems = { { file = "", line = 0, message = message } } } end
  for _, change in ipairs(result.replay.changes) do change.at = clock.iso(change.at) end
  result.problems = {}
  return result
end

--- What files that are not in force would do. Waits, for up to a minute.
---@param files table<string, string>
---@param options { deploy: integer|nil, faults: integer|nil }  faults: in percent
---@return table document
function site.try(files, options)
  local problems = site.problems(files)
  local faults = options.faults and options.faults / 100
  local doc = #problems > 0 and { problems = problems }
    or tried(files, { deploy = options.deploy, faults = faults })
  json.array(doc.problems)
  return doc
end

-- Raises why a change did not come into force.
local function refuse(problems, code)
  if code ~= "site_invalid" then refusal.raise(code) end
  refusal.raise(code, {
    args = { count = #problems }, more = { problems = json.array(problems) },
  })
end

local function done(number, problems, code)
  if not number then refuse(problems, code) end
  change_events.changed "site"
  return { number = number, hash = versions.hash() }
end

local function require_editable()
  if not site.is_editable() then refusal.raise "site_read_only" end
end

---@class SiteRequest
---@field who Who
---@field source string     push page
---@field note? string
---@field expected? string  the hash of the version that it changes

--- Checks files and puts them into force. Files that are in force already change nothing. Waits.
---@param files table<string, string>
---@param change SiteRequest
---@return { number: integer, hash: string }
function site.put(files, change)
  require_editable()
  if not versions.problems() and disk.hash_of(files) == versions.hash() then
    return { number = versions.number(), hash = versions.hash() }
  end
  return done(versions.put(files, {
    source = change.source, note = change.note, expected = change.expected,
    author = change.who.name or change.who.kind,
  }))
end

--- Puts a version that is kept into force again. Waits.
---@param text string  its number
---@param change SiteRequest
---@return { number: integer, hash: string }
function site.back(text, change)
  require_editable()
  local number = site.version(text).number
  return done(versions.back(number, {
    source = "rollback", note = change.note or "version " .. number, expected = change.expected,
    author = change.who.name or change.who.kind,
  }))
end

return site
