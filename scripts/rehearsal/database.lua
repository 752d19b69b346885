--- What the double knows: objects in memory, each also a row of the store, so that they survive the
--- end of the process.
---
--- An object is a table with the columns of the newest Dokploy. A column whose name begins with "_"
--- belongs to the double and is never shown.
local crypto = require "core.crypto"
local json = require "core.json"
local store = require "core.store"

local database = {}

database.migrations = {
  "CREATE TABLE objects (kind TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL,"
    .. " PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID",
}

--- The column that identifies an object of each kind.
local key_of = {
  project = "projectId", environment = "environmentId", application = "applicationId",
  domain = "domainId", mount = "mountId", deployment = "deploymentId", server = "serverId",
  network = "networkId", job = "_id", service = "appName", container = "containerId",
  volume = "name", docker_network = "name", route = "_id",
  traefik = "_id",
}

local objects = {}
local last_order = 0
local unwritten = {} -- what commit() writes: name -> { kind, id }

local function forget_all()
  for kind in pairs(key_of) do objects[kind] = {} end
  unwritten = {}
end
forget_all()

local function note_change(kind, id)
  unwritten[kind .. "/" .. id] = { kind = kind, id = id }
end

--- An id in Dokploy's form: 21 letters, digits, "-" and "_".
---@return string
function database.id()
  return crypto.token(16):sub(1, 21)
end

--- `n` random lower-case letters and digits.
---@param n integer
---@return string
function database.letters(n)
  local letters = ""
  while #letters < n do
    letters = letters .. crypto.token(24):lower():gsub("[^a-z1-9]", "")
  end
  return letters:sub(1, n)
end

--- Adds an object, which gets an id unless it brings one, and returns it.
---@param kind string
---@param object table
---@return table
function database.insert(kind, object)
  local key = key_of[kind]
  object[key] = object[key] or database.id()
  object._kind, object._order = kind, database.next_number()
  objects[kind][object[key]] = object
  note_change(kind, object[key])
  return object
end

--- Sets columns of an object; without `fields`, notes that it was changed in place.
---@param object table
---@param fields? table
function database.update(object, fields)
  for name, value in pairs(fields or {}) do object[name] = value end
  note_change(object._kind, object[key_of[object._kind]])
end

---@return table|nil
function database.get(kind, id)
  return id and objects[kind][id]
end

--- Whether this very object is still there: not deleted, not replaced.
---@param object table
---@return boolean
function database.holds(object)
  return objects[object._kind][object[key_of[object._kind]]] == object
end

--- Deletes an object; one that is gone already is left alone.
function database.delete(object)
  if not database.holds(object) then return end
  local kind, id = object._kind, object[key_of[object._kind]]
  objects[kind][id] = nil
  note_change(kind, id)
end

local function matches(object, filter)
  for field, value in pairs(filter) do
    if object[field] ~= value then return false end
  end
  return true
end

--- The objects whose columns equal those of `filter`, oldest first.
---@param kind string
---@param filter? table<string, any>
---@return table[]
function database.list(kind, filter)
  local found = {}
  for _, object in pairs(objects[kind]) do
    if matches(object, filter or {}) then found[#found + 1] = object end
  end
  table.sort(found, function(a, b) return a._order < b._order end)
  return found
end

--- The same, newest first.
function database.newest(kind, filter)
  local found = database.list(kind, filter)
  table.sort(found, function(a, b) return a._order > b._order end)
  return found
end

--- The oldest match, or nil.
function database.find(kind, filter)
  return database.list(kind, filter)[1]
end

--- Deletes every match.
function database.delete_all(kind, filter)
  for _, object in ipairs(database.list(kind, filter)) do database.delete(object) end
end

--- A number that no earlier object has got.
---@return integer
function database.next_number()
  last_order = last_order + 1
  return last_order
end

local function statement(change)
  local object = objects[change.kind][change.id]
  if not object then
    return { "DELETE FROM objects WHERE kind = ? AND id = ?", change.kind, change.id }
  end
  local upsert = "INSERT INTO objects (kind, id, doc) VALUES (?, ?, ?)"
    .. " ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc"
  return { upsert, change.kind, change.id, json.encode(object) }
end

--- Writes all changes since the last commit; waits until they are on the disk.
function database.commit()
  local batch = {}
  for _, change in pairs(unwritten) do batch[#batch + 1] = statement(change) end
  if #batch == 0 then return end
  unwritten = {}
  assert(store.run(batch))
end

--- Reads everything back; once, at start.
function database.load()
  local rows = assert(store.run { { "SELECT kind, doc FROM objects" } })[1]
  for _, row in ipairs(rows) do
    local object = assert(json.decode(row.doc))
    local key = key_of[row.kind] -- nil for kinds that version 0.1 had
    if key then objects[row.kind][object[key]] = object end
    last_order = math.max(last_order, object._order)
  end
end

--- Deletes everything.
function database.reset()
  forget_all()
  assert(store.run { { "DELETE FROM objects" } })
end

return database
