--- Mistakes of scripts that show only while they run: errors of handlers, rules, name checks,
--- steps, hooks and schedules of the last hour, grouped by the line that raised them. They outlive
--- a reload that leaves their file as it is.
local crypto = require "core.crypto"
local json = require "core.json"
local server = require "core.server"
local shared = require "core.shared"
local site = require "core.site"
local faults = {}

---@class Fault
---@field kind string      handler rule name_check step hook schedule
---@field name? string     of the rule, step...
---@field where string     "site/policy/access.lua:7"; a kind and name when no line is known
---@field message string   for admins only: it may quote data
---@field traceback? string
---@field request? string  the id of the last request that met it
---@field count integer    in the last hour
---@field first number     seconds since 1970
---@field last number

local PREFIX = "fault "
local KEPT, SLOT = 3600, 300 -- seconds: how long, and the resolution of the count
local MOST = 50              -- different places
local LONGEST = 4000         -- characters of a message or traceback

-- The first line of a script in a text: "scripts/x.lua:3".
local function place_in(text) return text and text:match "([%w_/.-]+%.lua:%d+)" end

-- An error raised inside a C function may have no place of its own; then it is its Lua caller's.
local function place_of(fault)
  return fault.message:match "^([%w_/.-]+%.lua:%d+):" or place_in(fault.traceback)
    or place_in(fault.message) or ("%s %s"):format(fault.kind, fault.name or "")
end

-- The file of site/ that a place is in: "policy/access.lua"; nil for the product's.
local function own_file(where) return where:match "^site/([%w_/.-]+%.lua)" end

local function hash_of(text) return text and crypto.sha256(text) end

-- A text that JSON takes, whatever bytes a message quotes.
local function clipped(text)
  text = text:sub(1, LONGEST)
  return utf8.len(text) and text or (text:gsub("[\x80-\xff]", "?"))
end

local function read(key)
  local text = shared.get(key)
  return text and json.decode(text)
end

local function count_of(fault, now)
  local count = 0
  for slot, n in pairs(fault.slots) do
    if tonumber(slot) * SLOT > now - KEPT then count = count + n end
  end
  return count
end

local function add_to_slot(slots, now)
  local current = tostring(now // SLOT | 0)
  slots[current] = (slots[current] or 0) + 1
  for slot in pairs(slots) do
    if tonumber(slot) * SLOT <= now - KEPT then slots[slot] = nil end
  end
  return slots
end

-- Room for one more place: the one that was met longest ago is forgotten.
local function make_room()
  local keys, oldest, oldest_key = shared.keys(PREFIX), math.huge, nil
  if #keys < MOST then return end
  for _, key in ipairs(keys) do
    local fault = read(key)
    if fault and fault.last < oldest then oldest, oldest_key = fault.last, key end
  end
  if oldest_key then shared.set(oldest_key, nil) end
end

--- Notes a mistake. Does not log it.
---@param fault { kind: string, name: string|nil, message: any, request: string|nil,
--- where: string|nil }  message: may end with a traceback; where: when the line is known otherwise
---@return string where
function faults.note(fault)
  local text = tostring(fault.message)
  local at = text:find("\nstack traceback:", 1, true)
  fault.message, fault.traceback = text:sub(1, (at or 0) - 1), at and text
  local where, now = fault.where or place_of(fault), server.now()
  local key = PREFIX .. where
  local known, file = read(key), own_file(where)
  if not known then make_room() end
  shared.set(key, json.encode {
    kind = fault.kind, name = fault.name, where = where, message = clipped(fault.message),
    traceback = fault.traceback and clipped(fault.traceback), request = fault.request,
    first = known and known.first or now, last = now,
    slots = add_to_slot(known and known.slots or {}, now),
    text_hash = file and hash_of(site.read(file)),
  }, KEPT)
  return where
end

--- The mistakes of the last hour, the latest first.
---@return Fault[]
function faults.list()
  local list, now = {}, server.now()
  for _, key in ipairs(shared.keys(PREFIX)) do
    local fault = read(key)
    if fault then
      fault.count, fault.slots, fault.text_hash = count_of(fault, now), nil, nil
      list[#list + 1] = fault
    end
  end
  table.sort(list, function(a, b) return a.last > b.last end)
  return list
end

--- Forgets those in files that have another text now, or are gone.
---@param files table<string, string>  that are in force
function faults.forget_changed(files)
  for _, key in ipairs(shared.keys(PREFIX)) do
    local fault = read(key)
    local file = fault and own_file(fault.where)
    if file and fault.text_hash ~= hash_of(files[file]) then shared.set(key, nil) end
  end
end

--- Forgets them, after the admin has seen to them.
function faults.clear()
  for _, key in ipairs(shared.keys(PREFIX)) do shared.set(key, nil) end
end

-- Mistakes in a row

local on_persistent = function() end

--- Registers what is done when one script fails again and again: fn(reason). Only while the scripts
--- load.
---@param fn fun(reason: string)  may not wait
function faults.on_persistent(fn) on_persistent = fn end

local IN_A_ROW = 3

---@class Streak  the failures in a row of one rule or check
---@field count integer
local Streak = {}
Streak.__index = Streak

--- Begins to count the failures of something that has never failed.
---@return Streak
function faults.streak() return setmetatable({ count = 0 }, Streak) end

--- It worked.
function Streak:reset() self.count = 0 end

--- It failed; at the third time in a row, `on_persistent` is called.
---@param reason string
function Streak:add(reason)
  self.count = self.count + 1
  if self.count == IN_A_ROW then on_persistent(reason) end
end

return faults
