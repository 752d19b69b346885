--- CSRF tokens for forms. A token is bound to a person and is valid for one to two days.
local crypto = require "core.crypto"
local csrf = {}

local DAY = 24 * 3600

-- Anyone without a session or an id is signed as a visitor, whatever credential they sent: the
-- token must not reveal whether a secret was correct.
local function sign(who, day)
  local id = who.session or who.id
  local text = ("%s\n%s\n%d"):format(id and who.kind or "visitor", id or "", day)
  return day .. "." .. crypto.sign("csrf", text)
end

--- The token for the forms of a page.
---@param who Who
---@return string
function csrf.token(who) return sign(who, os.time() // DAY) end

--- Whether a form carries its sender's token, made today or yesterday. An admin's token belongs to
--- one session.
---@param who Who
---@param token string|nil
---@param is_self_proving boolean|nil  a visitor's token is enough, because the form's content is
--- the credential (a one-time link, the admin token). Its page may have been opened before the
--- browser had a cookie, or by another site's link, without the admin's strict cookie.
---@return boolean
function csrf.is_valid(who, token, is_self_proving)
  local day = math.tointeger(tonumber((token or ""):match("^(%d%d?%d?%d?%d?%d?)%.")))
  local today = os.time() // DAY
  if day ~= today and day ~= today - 1 then return false end
  if crypto.equal(token, sign(who, day)) then return true end
  if not is_self_proving or who.session then return false end
  return crypto.equal(token, sign({ kind = "visitor" }, day))
end

return csrf
