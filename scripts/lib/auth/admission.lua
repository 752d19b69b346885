--- Admission of deployments against quotas and an invite's uses. Deployments are decided
--- concurrently, so the journal alone does not know them all: each is also counted here, from
--- before its decision reads the journal until its own rows are on their way there. Of any two, the
--- one that reads later counts the other.
---
--- Counts belong to the minute in which a decision began and expire after the next one, so a
--- decision that is killed blocks nobody for longer.
local shared = require "core.shared"
local credentials = require "lib.auth.credentials"
local refusal = require "lib.base.refusal"
local stacks = require "lib.journal.stacks"
local admission = {}

---@class Admission
---@field by { owner_id: string|nil, network: string|nil, site: string|nil, code: string|nil }
---@field counted table<string, string>  core.shared key of each count (owner network site total
--- invite)
---@field minute integer
local Admission = {}

local MINUTE = 60 -- seconds; longer than any decision takes

local function slot(key, minute) return key .. " " .. minute end

local function count(self, by)
  for _, key in pairs(self.counted) do
    local name = slot(key, self.minute)
    if shared.incr(name, by, 2 * MINUTE) <= 0 then shared.set(name, nil) end
  end
end

-- How many other decisions count against the same.
local function others(self, what)
  local key, minute = self.counted[what], os.time() // MINUTE
  if not key then return 0 end
  local all = (shared.get(slot(key, minute)) or 0) + (shared.get(slot(key, minute - 1)) or 0)
  return math.max(0, all - 1)
end

--- The state of the invite, its id and label, as credentials.invite_state returns them.
---@return string state, string|nil id, string|nil label
function Admission:invite()
  return credentials.invite_state(self.by.code, others(self, "invite"))
end

--- How many workspaces exist. Raises the journal's failures.
---@return table<"owner"|"network"|"site"|"total", integer>
function Admission:stacks()
  local pending, by = { owner = others(self, "owner") }, self.by
  for what in pairs(self.counted) do pending[what] = others(self, what) end
  pending.invite = nil
  local site_prefix = by.site and by.site:match("^%x+:%x+:%x+:")
  local found = refusal.check(stacks.count(by.owner_id, by.network, site_prefix))
  for what, n in pairs(pending) do pending[what] = found[what] + n end
  return pending
end

--- The decision's rows are on their way to the journal, or there will be none.
function Admission:finish()
  count(self, -1)
  self.counted = {}
end

local methods = { __index = Admission, __close = Admission.finish }

--- Begins a decision. Keep the result in a `<close>` variable.
---@param by { owner_id: string|nil, network: string|nil, site: string|nil, code: string|nil }
--- owner_id: nil for a new owner; network and site: nil where the clients of a proxy cannot be told
--- apart; code: the invite's
---@return Admission
function admission.begin(by)
  local counted = {
    invite = by.code and "admission invite " .. by.code,
    total = "admission total",
    network = by.network and "admission network " .. by.network,
    site = by.site and "admission site " .. by.site,
    owner = by.owner_id and "admission owner " .. by.owner_id,
  }
  local self = { by = by, counted = counted, minute = os.time() // MINUTE }
  count(self, 1)
  return setmetatable(self, methods)
end

return admission
