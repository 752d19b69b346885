--- What a deploy counts against: the stacks of its owner, of its network and in all, and the uses of its invite. Deploys are decided side
--- by side, so what the journal has is not all: each is counted here as well, from before it asks the journal until its own rows are on
--- their way there. Of any two, then, the one that asks later counts the other, and counts it once.
---
--- Counts belong to the minute in which deciding began, and are forgotten when the next one is over: should one ever be stopped in a way
--- that it does not tell of its end, it keeps nobody out for longer.
local shared = require "core.shared"
local credentials = require "lib.auth.credentials"
local deciding = {}

---@class Deciding
---@field counted table<string, string>  what it counts against (owner network total invite), and the key of that in core.shared
---@field minute integer
local Deciding = {}

local MINUTE = 60 -- longer than anything is decided

local function slot(key, minute) return key .. " " .. minute end

local function note(self, by)
  for _, key in pairs(self.counted) do
    key = slot(key, self.minute)
    if shared.incr(key, by, 2 * MINUTE) <= 0 then shared.set(key, nil) end
  end
end

-- How many others are being decided that count against the same.
local function others(self, what)
  local key, now = self.counted[what], os.time() // MINUTE
  if not key then return 0 end
  local all = (shared.get(slot(key, now)) or 0) + (shared.get(slot(key, now - 1)) or 0)
  return math.max(0, all - 1)
end

--- What the invite that came along is worth, and its id: as credentials.invite_state tells.
---@return string|nil state, string? id, string? code
function Deciding:invite()
  return credentials.invite_state(self.by.code, others(self, "invite"))
end

--- How many stacks there are; empty where there are no quotas.
---@return { owner: integer, network: integer, total: integer }|nil stacks, string? message, string? code
function Deciding:stacks()
  if not self.counted.total then return {} end
  local owner, network, total = others(self, "owner"), others(self, "network"), others(self, "total")
  local stacks, message, code = credentials.counts(self.by.owner_id, self.by.network)
  if not stacks then return nil, message, code end
  return { owner = stacks.owner + owner, network = stacks.network + network, total = stacks.total + total }
end

--- Its rows are on their way to the journal, or there will be none.
function Deciding:done()
  note(self, -1)
  self.counted = {}
end

local methods = { __index = Deciding, __close = Deciding.done }

local nothing = setmetatable({ by = {}, counted = {} }, methods)

--- A deploy is about to be decided. Keep it in a `<close>` variable.
---@param by { owner_id: string|nil, network: string, code: string|nil }  owner_id: nil for an owner who will be new; code: the invite's
---@param has_quotas boolean
---@return Deciding
function deciding.begin(by, has_quotas)
  if not has_quotas and not by.code then return nothing end
  local counted = { invite = by.code and "deciding invite " .. by.code }
  if has_quotas then
    counted.total, counted.network = "deciding total", "deciding network " .. by.network
    counted.owner = by.owner_id and "deciding owner " .. by.owner_id
  end
  local self = setmetatable({ by = by, counted = counted, minute = os.time() // MINUTE }, methods)
  note(self, 1)
  return self
end

return deciding
