---@meta core.crypto
local crypto = {}

--- Random bytes from the system, as base64url without padding.
---@param bytes integer  1 to 1024
---@return string
function crypto.token(bytes) end

--- Random bytes as lower-case hexadecimal digits.
---@param bytes integer  1 to 1024
---@return string
function crypto.hex(bytes) end

---@param text string
---@return string hex
function crypto.sha256(text) end

--- HMAC-SHA-256 under a key of your own, as 32 bytes: for signatures that others check.
---@param key string  at most 1024 bytes
---@param text string
---@return string bytes
function crypto.hmac(key, text) end

--- HMAC-SHA-256 under the installation's own secret (DATA_DIR/secret), as base64url.
---@param purpose string  a signature for one purpose is not valid for another
---@param text string
---@return string
function crypto.sign(purpose, text) end

--- Compares in constant time.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

---@param text string
---@return string
function crypto.base64(text) end

---@param text string
---@return string|nil  nil when it is not canonical base64
function crypto.unbase64(text) end

return crypto
