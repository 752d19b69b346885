--- The token that a form carries: it shows that the form was made by this portal, for whoever sends it. Good for a day.
---   <input type="hidden" name="csrf" value="{{csrf.token(owner.from(req))}}">
local crypto = require "core.crypto"
local csrf = {}

local DAY = 24 * 3600

local function sign(who, day)
  return day .. "." .. crypto.sign("csrf", ("%s\n%s\n%d"):format(who.kind, who.session or who.id or "", day))
end

--- The token for the forms of a page that this person gets.
---@param who Who
---@return string
function csrf.token(who) return sign(who, os.time() // DAY) end

local visitor = { kind = "visitor" }

--- Whether a form brought the token of who sends it, made today or yesterday. Or a visitor's: whoever comes to a page by a link of another
--- site comes without the owner's cookie, which is strict; the form that he then sends has it. What other sites could do with a visitor's
--- token, lib/origin.lua refuses. An admin who has logged in needs the token of his very session.
---@param who Who
---@param token string|nil
---@return boolean
function csrf.is_good(who, token)
  local day = math.tointeger(tonumber((token or ""):match("^(%d%d?%d?%d?%d?%d?)%.")))
  local today = os.time() // DAY
  if day ~= today and day ~= today - 1 then return false end
  return crypto.equal(token, sign(who, day)) or not who.session and crypto.equal(token, sign(visitor, day))
end

return csrf
