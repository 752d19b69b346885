---@meta portal
--- What hooks, schedules and routes of the site are given as `portal`. Functions that act return
--- nil, message, code when they cannot, as when the workspace is busy; they raise on misuse. Each
--- act is in the audit log as done by the script ("hooks/welcome"), with the reason it gave. A hook
--- acts only on the workspace that its event is about; on any other, and when that one is gone, the
--- code is "gone".

---@class PortalWorkspace
---@field name string
---@field state string   ready unhealthy stopped asleep failed, or what is being done with it:
--- queued running restoring rolling_back deleting stopping starting restarting rotating
--- falling_asleep waking redeploying
---@field owner StepOwner
---@field template? string
---@field url? string
---@field open_url? string
---@field image? string
---@field parameters table<string, any>  what was chosen when it was deployed
---@field created_at number    seconds since 1970
---@field used_at number       when anyone last worked in it, as far as it reports
---@field idle_seconds number  since then
---@field note? table<string, string>  what portal.note set, by language

---@class WorkspaceFilter
---@field state? string
---@field owner? string     the owner's id
---@field template? string
---@field idle_for? string|number  not used for so long: "7 days", "12 hours", or seconds

---@class PortalOperation
---@field id string
---@field kind string
---@field state string
---@field name string

---@class Portal
---@field site table  config.site: the settings of one's own in config.lua
local portal = {}

--- The workspaces that match, by name.
---   for _, workspace in ipairs(portal.workspaces { state = "ready", idle_for = "7 days" }) do
---     portal.stop(workspace.name, "not used for 7 days")
---   end
---@param filter? WorkspaceFilter
---@return PortalWorkspace[]|nil, string? message, string? code
function portal.workspaces(filter) end

--- One workspace; false: no workspace has that name.
---   local workspace = portal.workspace "anna"
---@param name string
---@return PortalWorkspace|false|nil, string? message, string? code
function portal.workspace(name) end

--- Begins an operation and returns at once; its end is an event for hooks.
---   local operation, message, code = portal.stop("anna", "night")
---@param name string
---@param reason string  for the audit log
---@return PortalOperation|nil, string? message
---@return string? code  stack_unknown gone stack_busy stack_unfit journal
function portal.stop(name, reason) end
---   portal.start("anna", "the course begins")
function portal.start(name, reason) end
---   portal.restart("anna", "the network was down")
function portal.restart(name, reason) end
--- Unless it is in use, or does not report that it is not.
---   portal.sleep("anna", "the course is over for today")
function portal.sleep(name, reason) end
---   portal.wake("anna", "the course begins")
function portal.wake(name, reason) end

--- Deploys it again, with the image pulled again; its files stay.
---   portal.redeploy("anna", "a new image")
function portal.redeploy(name, reason) end

--- Deletes a workspace; its files are kept unless options.data is "delete".
---   portal.delete("anna", "the course is over")
---@param name string
---@param reason string
---@param options? { data: "keep"|"delete" }
---@return PortalOperation|nil, string? message, string? code
function portal.delete(name, reason, options) end

--- Tells the owner something, on the workspace's page and in GET /api/stack/NAME, until it is set
--- again. nil removes it. At most 1000 characters.
---   portal.note("anna", { en = "Welcome!", nl = "Welkom!", ar = "مرحبًا!" })
---@param name string
---@param text string|table<string, string>|nil  a text, or { en = ..., nl = ..., ar = ... }
---@return true|nil, string? message, string? code
function portal.note(name, text) end

--- The time, in seconds since 1970.
---   local age = portal.now() - workspace.created_at
---@return number
function portal.now() end

--- Sends an HTTP request, through the outgoing proxy of config.lua, and waits for the response,
--- whatever its status. Options as for core.http's request; `json` is a value to POST instead of
--- `body`, and the response has `json` when its body is JSON.
---   portal.http { url = "https://chat.example.com/hook", json = { text = "anna is ready" } }
---@param request RequestOptions
---@return Response|nil, string? message, string? code
function portal.http(request) end

--- Writes a line into the portal's log, with the script's name.
---   portal.log("welcomed", { name = event.workspace.name })
---@param event string
---@param fields? table<string, string|number|boolean>
function portal.log(event, fields) end

return portal
