--- The token that a form carries: it shows that the form was made by this portal, for whoever sends it. Good for a day.
---   <input type="hidden" name="csrf" value="{{csrf.token(owner.from(req))}}">
local crypto = require "core.crypto"
local csrf = {}

local DAY = 24 * 3600

-- Who has neither a session nor an id is signed for as a visitor, whatever he brings: it must not tell whether a secret is the right one.
local function sign(who, day)
  local id = who.session or who.id
  return day .. "." .. crypto.sign("csrf", ("%s\n%s\n%d"):format(id and who.kind or "visitor", id or "", day))
end

--- The token for the forms of a page that this person gets.
---@param who Who
---@return string
function csrf.token(who) return sign(who, os.time() // DAY) end

local visitor = { kind = "visitor" }

--- Whether a form brought the token of who sends it, made today or yesterday; an admin who has logged in: that of his very session. A
--- visitor's token is for visitors: anybody can get one. Only a form that proves itself by what is in it (a one-time link, the admin's
--- token) may bring a visitor's although an owner sends it: whoever comes to its page by a link of another site comes without his cookie,
--- which is strict; the form that he then sends has it.
---@param who Who
---@param token string|nil
---@param proves_itself boolean|nil
---@return boolean
function csrf.is_good(who, token, proves_itself)
  local day = math.tointeger(tonumber((token or ""):match("^(%d%d?%d?%d?%d?%d?)%.")))
  local today = os.time() // DAY
  if day ~= today and day ~= today - 1 then return false end
  if crypto.equal(token, sign(who, day)) then return true end
  return proves_itself == true and not who.session and crypto.equal(token, sign(visitor, day))
end

return csrf
