---@meta core.http
--- Outgoing HTTP. Redirects are never followed.
local http = {}

---@class Response
---@field status integer
---@field headers table<string,string>  names in lower case
---@field body string
---@field seconds number   duration of the request
---@field verified boolean whether the server's certificate was checked and valid
---@field certificate_ends integer|nil  its expiry, in seconds since 1970; with `certificate` only

---@class RequestOptions
---@field url string
---@field method? string   GET by default
---@field headers? table<string,string>
---@field body? string
---@field timeout? number          in seconds (15)
---@field connect_timeout? number  in seconds (3)
---@field max_body? integer        in bytes (1 MiB)
---@field fresh? boolean           uses a new connection, so that curl never sends the request twice
---@field verify? boolean          false accepts any certificate
---@field fence? boolean           refuses private addresses
---@field connect_to? string       "host:port" to connect to instead of the URL's
---@field proxy? string            "http://host:port" of a proxy; see lib/base/outgoing.lua
---@field certificate? boolean     reports certificate_ends; needs `fresh`

--- Sends a request and waits for the response, whatever its status.
---   local response, message = http.request { url = "https://example.com/", timeout = 5 }
---@param options RequestOptions
---@return Response|nil
---@return string? message
---@return string? code  timeout refused dns tls too_large closed invalid failed
---@return boolean? sent  false: nothing was sent, for certain
function http.request(options) end

return http
