---@meta core.server
--- The portal's HTTP server: routes, middleware and the state of the process.
local server = {}

--- Fields are read when they are first asked for; one that was not asked for before the answer was
--- given raises.
---@class Request
---@field method string    "GET"
---@field path string      decoded, without query
---@field params table<string,string>  decoded values of ":name" and "*rest" in the pattern
---@field query table<string,string>   decoded; the last value of a repeated name
---@field headers table<string,string> by lower-case name; cannot be iterated. Repeated lines are
---                                    joined with ", ", those of Cookie with "; "
---@field body string      "" without one
---@field id string        the request id, as in X-Request-Id
---@field peer string      the address at the other end of the connection
---@field gzip boolean     whether the client accepts gzip
---@field host string      the Host field in lower case, without port; "" without one

---@alias Reply string|integer|table
--- "text": 200, text/plain. 204: that status, no body.
--- A table: `status` (200 if missing), one of `json` (a value), `text`, `html`, `body` (with
--- `type`); `headers` {Name = "value"}. For the rehearsal, `cut = true` closes the connection
--- without a response and `cut = N` announces N bytes more than it sends.
--- The result of `sse.subscribe`.

--- Registers a handler. Only while the scripts load.
---   server.route("GET", "/hello/:name", function(req) return "Hello " .. req.params.name end)
---@param method string   "GET", "POST", "DELETE"...; "*": any
---@param pattern string  "/api/check/:name"; a last part "*rest" takes the rest of the path
---@param handler fun(req: Request): Reply   may wait
---@param options? { log?: "debug", max_body?: integer }  log: the level to log requests at, for
--- frequent probes; max_body: bytes, up to 2 MiB, instead of limits.max_body of config.lua
function server.route(method, pattern, handler, options) end

--- Registers the middleware: it gets every request that has a route, calls handler(req) or
--- refuses, and returns the reply. Only while the scripts load, and only once.
---   server.middleware(function(req, handler) return handler(req) end)
---@param fn fun(req: Request, handler: fun(req: Request): Reply, pattern: string): Reply  may wait
function server.middleware(fn) end

--- The registered routes, in the order of registration.
---   for _, route in ipairs(server.routes()) do log.info(route.pattern) end
---@return { method: string, pattern: string }[]
function server.routes() end

--- Registers the function that renders errors which the core detects: no route, a body too long, a
--- handler that raised... Without one, the core sends a short problem document in English. `code`
--- is one of not_found, method_not_allowed (with extra.allow), body_too_large, bad_request,
--- internal (with extra.message and extra.route where a handler failed).
---   server.on_error(function(_, status, code) return { status = status, text = code } end)
---@param handler fun(req: Request, status: integer, code: string, extra: table): Reply
---  may not wait
function server.on_error(handler) end

--- Registers a function that runs once, in a task, when the portal starts (not after a reload) and
--- before it listens. An error in it stops the start.
---   server.on_start(function() log.info "the portal starts" end)
---@param fn fun()   may wait
function server.on_start(fn) end

--- Registers the function that reloads the scripts, on SIGHUP and when a file has changed. It runs
--- in a task and may wait. When it raises, the core loads what is on the disk. Only while the
--- scripts load.
---   server.on_reload(require("lib.site.versions").reload)
---@param fn fun()
function server.on_reload(fn) end

--- Registers a function that runs in a task as soon as these scripts have replaced others: what it
--- writes to the journal is there before what a later request writes. Only while the scripts load.
---   server.on_replace(function() shared.set("mine", nil) end)
---@param fn fun()   may wait
function server.on_replace(fn) end

--- Registers a function for `deployer --check` to run after it has loaded the scripts. It returns a
--- list of sentences, one for each problem. Only while the scripts load.
---   server.on_check(function() return { "config.lua: something is missing" } end)
---@param fn fun(): string[]   may not wait
function server.on_check(fn) end

--- Declares the files of a folder pure: they may require neither core modules, but for core.log,
--- nor modules that do.
--- Only while the scripts load, before the first of these files.
---   server.pure "policy"
---@param folder string  a folder in scripts/, "policy"
function server.pure(folder) end

---@class ServerInfo
---@field version string
---@field generation integer  number of loads of the scripts
---@field loaded_at number    seconds since 1970
---@field started_at number   seconds since 1970
---@field rejected { file: string, line: integer, message: string, at: number }|nil
---  the last load that failed; nil after a successful one
---@field draining boolean
---@field mode "portal"|"rehearsal"
---@field store { trouble: string|nil }  a code when the last commit failed
---@field tasks integer
---@field streams integer
---@field connections integer
---@field memory integer      bytes of the scripts

--- The state of the process.
---   local version = server.info().version
---@return ServerInfo
function server.info() end

--- The time, in seconds since 1970, with fractions.
---   local began = server.now()
---@return number
function server.now() end

--- Lets a trusted proxy hold more connections than a client may.
---   server.exempt "192.0.2.7"
---@param peer string  its address
function server.exempt(peer) end

--- The page that a browser gets when its header fields, such as its cookies, are too large (431).
--- Programs get a problem document. No script runs for such a request.
---   server.too_large_page "<h1>Your cookies are too large</h1>"
---@param html string
function server.too_large_page(html) end

--- The URL path of a static file. It contains a hash of all static files, so browsers may cache the
--- file and its relative imports for ever.
---   local href = server.asset "style.css"
---@param path string  below www/, "app.js"
---@return string  "/assets/0123456789abcdef/app.js"
function server.asset(path) end

--- A file below www/, locales/ or scripts/, as text. Only while the scripts load.
---   local page = server.read "www/index.html"
---@param path string  "www/index.html", "locales/nl.json"
---@return string
function server.read(path) end

--- The sorted file names of a folder in www/, locales/ or scripts/. Only while the scripts load.
---   for _, file in ipairs(server.list "locales") do log.info(file) end
---@param folder string  "locales", "scripts/policy"
---@return string[]
function server.list(folder) end

return server
