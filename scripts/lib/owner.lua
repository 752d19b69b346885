--- Who asks: the admin, an owner, or a visitor. An owner is whoever brings an owner key; nothing but the owner's id is kept.
--- A key is "own_ID.SIGNATURE", where the signature is made with the installation's secret: it can be told again, and not be guessed.
local config = require "core.config"
local crypto = require "core.crypto"
local owner = {}

---@class Who
---@field kind string   admin owner visitor forged
---@field id? string    the owner's id

--- A new owner's id.
---@return string
function owner.new() return crypto.token(16) end

--- The key of an owner's id.
---@param id string
---@return string
function owner.key(id) return "own_" .. id .. "." .. crypto.sign("owner", id) end

local function of_key(key)
  local id, signature = key:match("^own_([%w_-]+)%.([%w_-]+)$")
  if not id or #key > 200 then return nil end
  return crypto.equal(signature, crypto.sign("owner", id)) and id or nil
end

local function is_admin(key)
  local token = config.secret("ADMIN_TOKEN")
  return token ~= nil and token ~= "" and crypto.equal(key, token)
end

--- Who sent the request, by its Authorization field. `forged`: there is a key, and it is nobody's. Other schemes than Bearer are a proxy's
--- matter: a portal behind a password of the proxy sees them with every request.
---@param req Request
---@return Who
function owner.from(req)
  local scheme, key = (req.headers.authorization or ""):match("^(%a+) +(%S+) *$")
  if not scheme or scheme:lower() ~= "bearer" then return { kind = "visitor" } end
  local id = of_key(key)
  if id then return { kind = "owner", id = id } end
  return { kind = is_admin(key) and "admin" or "forged" }
end

--- Whether that person may see and change what belongs to owner_id.
---@param who Who
---@param owner_id string
---@return boolean
function owner.may(who, owner_id)
  return who.kind == "admin" or (who.kind == "owner" and who.id == owner_id)
end

return owner
