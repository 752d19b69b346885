---@meta core.server
--- The portal's own HTTP side: which request goes to which function.
local server = {}

---@class Request
---@field method string    "GET"
---@field path string      decoded, without query
---@field params table<string,string>  what stood at ":name" in the pattern, decoded; "*rest" gives `rest`
---@field query table<string,string>   decoded; of a name given twice, the last
---@field headers table<string,string> names in lower case
---@field body string      "" when none
---@field id string        the request id, as in X-Request-Id
---@field peer string      the address at the other end of the connection
---@field gzip boolean     whether the client takes compressed answers
---@field host string      the Host field in lower case, without port; "" when none

---@alias Reply string|integer|table
--- "text": 200, text/plain. 204: that status, no body.
--- A table: `status` (200 if missing), one of `json` (a value), `text`, `html`, `body` (with
--- `type`); `headers` {Name = "value"};
--- `cut = true` closes the connection without an answer; `cut = N` sends the head and body, but
--- promises N bytes more than it sends (for
--- rehearsals). What `sse.subscribe` returns.

--- Registers a handler. Only while the scripts load.
---@param method string   "GET", "POST", "DELETE"...; "*": any
---@param pattern string  "/api/check/:name"; a last part "*rest" takes the rest of the path
---@param handler fun(req: Request): Reply   may wait
---@param options? { log?: "debug" }   log = "debug": requests are logged at that level, for frequent probes
function server.route(method, pattern, handler, options) end

--- Registers the middleware: it gets every request that has a route, calls handler(req) or refuses,
--- and
--- returns the reply. Only while the scripts load, and only once.
---@param fn fun(req: Request, handler: fun(req: Request): Reply, pattern: string): Reply   may wait
function server.middleware(fn) end

--- What is registered, in its order.
---@return { method: string, pattern: string }[]
function server.routes() end

--- The function that words an error which the core found itself: a request with no route, a body
--- too long, a handler that raised...
---@param handler fun(req: Request, status: integer, code: string, extra: table): Reply   may not wait; code is one of not_found
--- method_not_allowed (extra.allow) body_too_large bad_request internal; without it a short English
--- problem document is sent
function server.on_error(handler) end

--- Registers a function that is run once, in a task, when the portal starts (not after a reload),
--- before it listens; an error in it stops
--- the start.
---@param fn fun()   may wait
function server.on_start(fn) end

--- Registers what `deployer --check` runs after it has loaded the scripts: a function that returns
--- a
--- list of sentences, one for each problem. Only while the scripts load.
---@param fn fun(): string[]   may not wait
function server.on_check(fn) end

--- Declares the files of a folder pure: they only decide, and may require neither core modules nor
--- modules that do. Only while the scripts load, before the first of these files.
---@param folder string  a folder in scripts/, "policy"
function server.pure(folder) end

--- What the process is doing.
---@return { version: string, generation: integer, loaded_at: number, started_at: number, rejected: { file: string, line: integer, message:
--- string, at: number }|nil, draining: boolean, mode: string, store: { trouble: string|nil },
--- tasks: integer, streams: integer, connections:
---integer, memory: integer }
--- `generation` counts loads; `rejected` is the last edit that was refused, nil once one was
--- accepted; `mode` "portal" or "rehearsal";
--- times in seconds since 1970; `store.trouble` a code when the last commit failed
function server.info() end

--- The time, in seconds since 1970, with fractions.
---@return number
function server.now() end

--- A static file's address below the version of all of them: kept for ever, as is what it imports
--- by a relative address.
---@param path string  below www/, "app.js"
---@return string  "/assets/0123456789abcdef/app.js"
function server.asset(path) end

--- A file below www/, locales/ or scripts/, as text. Only while the scripts load.
---@param path string  "www/index.html", "locales/nl.json"
---@return string
function server.read(path) end

--- The names of the files in a folder of www/, locales/ or scripts/, sorted. Only while the scripts
--- load.
---@param folder string  "locales", "scripts/policy"
---@return string[]
function server.list(folder) end

return server
