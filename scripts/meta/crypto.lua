---@meta core.crypto
local crypto = {}
--- Random bytes from the system, as base64url without padding.
---@param bytes integer
---@return string
function crypto.token(bytes) end
--- The same as lower-case hexadecimal digits, two for each byte.
---@param bytes integer
---@return string
function crypto.hex(bytes) end
---@return string hex
function crypto.sha256(text) end
--- HMAC-SHA-256 under the installation's own secret (DATA_DIR/secret, made at first start, mode 0600), base64url.
---@param purpose string  separates uses
---@param text string
---@return string
function crypto.sign(purpose, text) end
--- Compares in constant time.
---@return boolean
function crypto.equal(a, b) end
---@return string
function crypto.base64(text) end
---@return string|nil
function crypto.unbase64(text) end
return crypto
