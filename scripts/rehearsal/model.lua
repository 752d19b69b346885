--- What the double knows: its own small database. The objects are in memory; what was changed is written to the store, one row an object,
--- so that they are all still there when the process is started again.
---
--- An object is a table of the fields that the newest Dokploy shows; a field whose name begins with "_" is the double's own.
local clock = require "rehearsal.clock"
local crypto = require "core.crypto"
local json = require "core.json"
local store = require "core.store"

local model = {}

model.migrations = {
  "CREATE TABLE objects (kind TEXT NOT NULL, id TEXT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (kind, id)) STRICT, WITHOUT ROWID",
}

--- The field that names an object of each kind.
local key_of = {
  project = "projectId", environment = "environmentId", application = "applicationId", domain = "domainId", mount = "mountId",
  deployment = "deploymentId", server = "serverId", ssh_key = "sshKeyId", member = "id", api_key = "id",
  job = "_id", service = "appName", container = "containerId", volume = "name", route = "_id", counter = "name", organization = "id",
}

local objects = {}
local order = 0
local changed, order_of_changes = {}, {}

local function forget_all()
  for kind in pairs(key_of) do objects[kind] = {} end
end
forget_all()

local function mark(kind, id)
  local name = kind .. "/" .. id
  if changed[name] then return end
  changed[name] = { kind = kind, id = id }
  order_of_changes[#order_of_changes + 1] = name
end

--- An id like Dokploy's: 21 letters, digits, "-" and "_".
function model.id()
  return crypto.token(16):sub(1, 21)
end

--- `n` lower-case letters and digits.
function model.letters(n)
  local letters = ""
  while #letters < n do letters = letters .. crypto.token(24):lower():gsub("[^a-z1-9]", "") end
  return letters:sub(1, n)
end

--- Adds an object; it gets an id unless it brings one.
function model.new(kind, object)
  local key = key_of[kind]
  object[key] = object[key] or model.id()
  order = order + 1
  object._kind, object._order = kind, order
  objects[kind][object[key]] = object
  mark(kind, object[key])
  return object
end

--- Says that an object was changed.
function model.touch(object)
  mark(object._kind, object[key_of[object._kind]])
end

function model.get(kind, id)
  return objects[kind][id]
end

function model.delete(object)
  local kind, id = object._kind, object[key_of[object._kind]]
  if objects[kind][id] ~= object then return end
  objects[kind][id] = nil
  mark(kind, id)
end

local function matches(object, filter)
  for field, value in pairs(filter) do
    if object[field] ~= value then return false end
  end
  return true
end

--- The objects whose fields are those of `filter`, oldest first.
function model.list(kind, filter)
  local found = {}
  for _, object in pairs(objects[kind]) do
    if matches(object, filter or {}) then found[#found + 1] = object end
  end
  table.sort(found, function(a, b) return a._order < b._order end)
  return found
end

--- The same, newest first.
function model.newest(kind, filter)
  local found = model.list(kind, filter)
  table.sort(found, function(a, b) return a._order > b._order end)
  return found
end

function model.find(kind, filter)
  return model.list(kind, filter)[1]
end

--- The next number of a series, from 1.
function model.count(name)
  local counter = model.get("counter", name) or model.new("counter", { name = name, value = 0 })
  counter.value = counter.value + 1
  model.touch(counter)
  return counter.value
end

local function statement(change)
  local object = objects[change.kind][change.id]
  if not object then return { "DELETE FROM objects WHERE kind = ? AND id = ?", change.kind, change.id } end
  local upsert = "INSERT INTO objects (kind, id, doc) VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET doc = excluded.doc"
  return { upsert, change.kind, change.id, json.encode(object) }
end

--- Writes what was changed since the last time and waits until it is on the disk.
function model.commit()
  if #order_of_changes == 0 then return end
  local batch = {}
  for i, name in ipairs(order_of_changes) do batch[i] = statement(changed[name]) end
  changed, order_of_changes = {}, {}
  assert(store.run(batch))
end

--- Reads everything back; once, at the start.
function model.load()
  local rows = assert(store.run { { "SELECT kind, doc FROM objects" } })[1]
  for _, row in ipairs(rows) do
    local object = assert(json.decode(row.doc))
    objects[row.kind][object[key_of[row.kind]]] = object
    order = math.max(order, object._order)
  end
end

--- Forgets everything.
function model.reset()
  forget_all()
  changed, order_of_changes = {}, {}
  assert(store.run { { "DELETE FROM objects" } })
end

--- A new time stamp for createdAt and its like.
function model.now()
  return clock.iso()
end

return model
