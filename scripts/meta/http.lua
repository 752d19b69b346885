---@meta core.http
--- Outgoing HTTP. Redirects are never followed.
local http = {}

---@class Response
---@field status integer
---@field headers table<string,string>  names in lower case
---@field body string
---@field seconds number   how long it took
---@field verified boolean the server's certificate was checked and good
---@field certificate_ends integer|nil  until when it is valid, in seconds since 1970; only when it was asked for, and of https

--- Sends a request and waits for the answer. Any status is an answer; a failure is none.
---@param options { url: string, method?: string, headers?: table<string,string>, body?: string, timeout?: number, connect_timeout?: number,
--- max_body?: integer, fresh?: boolean, verify?: boolean, fence?: boolean, connect_to?: string,
--- certificate?: boolean }
--- timeout (15) and connect_timeout (3) in seconds; max_body (1 MiB) in bytes; fresh: a connection
--- of its own, for what must not be sent
--- twice; verify = false: accept any certificate; fence: refuse inner addresses; connect_to:
--- "host:port" to connect to instead;
--- certificate: also tell until when it is valid (with fresh: a kept connection does not tell)
---@return Response|nil
---@return string? message
---@return string? code  timeout refused dns tls too_large closed invalid failed
---@return boolean? sent  false: certainly nothing was sent
function http.request(options) end

return http
