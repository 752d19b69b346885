--- Completes `who` and `what` before rules see them, so that a rule need not ask whether a field is
--- there (scripts/meta/policy.lua). Pure.
local subject = {}

-- who.groups.staff is true for a member; the list itself stays a list.
local members = {
  __index = function(groups, name)
    if type(name) ~= "string" then return nil end -- the end of a loop over the list
    for _, group in ipairs(groups) do
      if group == name then return true end
    end
  end,
}

--- Fills in what is missing.
---@param who table
---@return Who
function subject.who(who)
  who.groups = setmetatable(who.groups or {}, members)
  who.scopes = who.scopes or {}
  return who
end

--- The same for what is to be done.
---@param what table
---@param now Now|nil
---@return What
function subject.what(what, now)
  local stacks = what.stacks or {}
  for _, counted in ipairs { "owner", "network", "site", "total" } do
    stacks[counted] = stacks[counted] or 0
  end
  what.stacks, what.quotas = stacks, what.quotas or {}
  what.parameters, what.now = what.parameters or {}, what.now or now
  return what
end

--- A moment as rules see it.
---@param unix number  seconds since 1970
---@param zone string  of the result
---@param offset integer  seconds that the zone is ahead of UTC at that moment
---@return Now
function subject.now(unix, zone, offset)
  local fields = os.date("!*t", math.floor(unix) + offset)
  return {
    unix = unix, zone = zone, hour = fields.hour, minute = fields.min,
    weekday = (fields.wday + 5) % 7 + 1, -- Lua counts from Sunday, 1
    date = ("%04d-%02d-%02d"):format(fields.year, fields.month, fields.day),
  }
end

-- A Monday at noon.
local EXAMPLE = subject.now(1767614400, "UTC", 0)

local function copy(table, defaults)
  local all = {}
  for _, from in ipairs { defaults, table or {} } do
    for key, value in pairs(from) do all[key] = value end
  end
  return all
end

--- Copies of an example's who and what, with what it leaves out filled in, always in the same way.
---@return Who who, What what
function subject.example(who, what)
  what = copy(what, { mode = "open", name = "anna", template = "default" })
  what.now = copy(what.now, EXAMPLE)
  return subject.who(copy(who, {})), subject.what(what)
end

return subject
