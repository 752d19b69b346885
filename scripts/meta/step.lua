---@meta step
--- What a step of a deployment is given: `ctx`. The keys of a step are in scripts/steps/init.lua.

---@class StepOwner
---@field kind string      owner, user, token or admin: how they asked for the workspace
---@field id string        of the owner
---@field name? string     a user's name, a token's label
---@field email? string    as far as the proxy in front tells it
---@field groups Groups    a list, empty when none are known; `groups.staff` is true for a member

---@class StepDokploy
local dokploy = {}
--- Calls a procedure that changes something, such as ctx.dokploy:call("application.update",
--- { applicationId = ctx.ids.application, replicas = 1 }). Waits; Dokploy's outages are waited out.
--- It is sent again while it certainly was not done. A call whose answer was lost is repeated only
--- if doing it twice does no harm: update, save, remove, delete, or options.repeatable. Else
--- info.unknown is true: what makes something belongs into ctx:create, which looks first.
---@param procedure string
---@param body? table
---@param options? { repeatable: boolean, secret: boolean, timeout: number }  secret: the answer may
--- hold a secret, so its message is kept out of the log
---@return any value  true when the answer was empty; nil, message, code, info when it failed
---@return string? message, string? code, table? info
function dokploy:call(procedure, body, options) end
--- Calls a procedure that only reads, such as ctx.dokploy:query("application.one",
--- { applicationId = ctx.ids.application }). Waits.
---@param procedure string
---@param query? table<string, string|number>
---@return any value, string? message, string? code, table? info
function dokploy:query(procedure, query) end

---@class StepContext
---@field id string          the deployment's
---@field name string        the workspace's
---@field host string        NAME.SUFFIX
---@field url string         its address
---@field template string    the id of the template
---@field owner StepOwner
---@field parameters table<string, string|number|boolean>  of the template, without secrets
---@field params table       image, env, memory_bytes, cpu_nanos
---@field ids table<string, string>  what was made so far: project, environment, application,
--- app_name, domain, mount, and each kind or step of the installation's own
---@field volume string      the name of the volume with the files
---@field tag string         what marks our things in Dokploy
---@field dokploy StepDokploy
local ctx = {}

--- Makes something once, and only once, and remembers it. Waits. What make returned becomes
--- ctx.ids: its id under the kind, its other fields under their names.
---@param kind string  mount or domain, of the application; or a word of the step's own, for what
--- its undo(ctx, resource) removes
---@param options { key: string? }  tells several of one kind apart
---@param make fun(ctx): table?, string?, string?, table?  sends it, once: { id = ..., ... }
---@param find fun(ctx): table|false|nil, string?, string?  looks it up when no answer came
---@return table? made, string? message, string? code
function ctx:create(kind, options, make, find) end

--- Remembers something that exists now, until the step's undo(ctx, resource) has removed it: when
--- the deployment fails, and when the workspace is deleted. Waits.
---@param kind string  a word of the step's own
---@param id string
---@param data? table  what undo needs to know: its resource.data. No secrets: it is in the journal
---@return boolean? done, string? message, string? code
function ctx:record(kind, id, data) end

--- Shows on the page what the step is doing: the text "step.NAME.KEY" of the locales.
---@param key? string
---@param args? table<string, string|number>
function ctx:progress(key, args) end

--- The same for what it waits for; ctx:progress() shows that it goes on.
---@param key string
---@param args? table<string, string|number>
function ctx:waiting(key, args) end

--- Adds lines to the log that people see, without what looks like a secret.
---@param lines string|string[]
function ctx:log(lines) end

--- Writes a warning for the admin into the portal's log.
---@param message string
---@param fields? table
function ctx:warn(message, fields) end

--- Waits.
---@param seconds number
---@return boolean? done, string? message, string? code  nil, message, "cancelled"
function ctx:sleep(seconds) end

--- Whole seconds until the step's deadline.
---@return integer
function ctx:remaining() end
