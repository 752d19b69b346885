---@meta core.crypto
local crypto = {}

--- Random bytes from the system, as base64url without padding.
---   local secret = crypto.token(32)
---@param bytes integer  1 to 1024
---@return string
function crypto.token(bytes) end

--- Random bytes as lower-case hexadecimal digits.
---   local id = crypto.hex(6)
---@param bytes integer  1 to 1024
---@return string
function crypto.hex(bytes) end

---   local digest = crypto.sha256(response.body)
---@param text string
---@return string hex
function crypto.sha256(text) end

--- HMAC-SHA-256 under a key of your own, as 32 bytes: for signatures that others check.
---   local signature = crypto.base64(crypto.hmac(key, body))
---@param key string  at most 1024 bytes
---@param text string
---@return string bytes
function crypto.hmac(key, text) end

--- HMAC-SHA-256 under the installation's own secret (DATA_DIR/secret), as base64url.
---   local signature = crypto.sign("invitation", name)
---@param purpose string  a signature for one purpose is not valid for another
---@param text string
---@return string
function crypto.sign(purpose, text) end

--- Compares in constant time.
---   if not crypto.equal(given, expected) then return { status = 403 } end
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

---   local text = crypto.base64(user .. ":" .. password)
---@param text string
---@return string
function crypto.base64(text) end

---   local bytes = crypto.unbase64 "aGk="
---@param text string
---@return string|nil  nil when it is not canonical base64
function crypto.unbase64(text) end

return crypto
