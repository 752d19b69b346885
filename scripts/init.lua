--- The map of the portal's scripts: what is run, in this order, each time they are loaded.
--- To add a route, write a file in routes/ and list it here. To add a reserved name, edit
--- policy/names.lua; a step, steps/init.lua.
local server = require "core.server"
local site = require "lib.base.site"

-- A policy only decides: its files reach neither the network nor the journal.
server.pure "policy"
server.pure "site/policy"

-- What `deployer --check` tries beyond loading this file.
server.on_check(require("lib.base.self_check").run)

-- The journal's tables, migrated to the newest version.
require("lib.journal.db").migrate(require "lib.journal.schema")

-- Owner keys must be known before the first request.
server.on_start(require("lib.auth.credentials").resume)

-- Every request passes the middleware, then its route. One file is one family of URLs.
require("lib.http.middleware").register()
require "routes.page"          -- GET /, /deployment/:id, /stack/:name, /stacks
require "routes.health"        -- GET /health, /ready
require "routes.check"         -- GET /api/check/:name
require "routes.deploy"        -- POST /api/deploy
require "routes.status"        -- GET /api/status/:id, POST /api/status/:id/cancel
require "routes.stack"         -- /api/stack/:name..., GET /api/stacks
require "routes.owner"         -- /api/owner..., /move
require "routes.admin"         -- /api/admin/..., /api/invites, /api/tokens, GET /api/audit
require "routes.drift"         -- /api/admin/drift...
require "routes.outbox"        -- /api/admin/outbox...
require "routes.site"          -- /api/admin/site...
require "routes.change_events" -- GET /api/admin/events
require "routes.session"       -- /admin/login, /admin/logout
require "routes.admin_page"    -- /admin...: the admin pages and their forms
require "routes.metrics"       -- GET /metrics
require "routes.openapi"       -- GET /api/openapi.json

-- Operations. After a crash or a restart, interrupted ones continue or are rolled back.
require("lib.operations.scheduler").register(require "steps")
require("lib.operations.orphans").register(require "steps")
require("lib.operations.sleeper").register()
require("lib.operations.pool").register(require "steps")

-- Workspaces: monitoring, comparing the journal with Dokploy, forgetting old events.
require("lib.workspaces").register(require "lib.policy.limits")

-- Hooks, webhooks, schedules, and routes of one's own.
require("lib.site.hooks").register(site.parts "hooks")
require("lib.site.webhooks").register()
require("lib.site.schedule").register(site.part "policy/schedule")
require("lib.site.routes").register(site.parts "routes")

-- The installation's own files: their versions, and how they come into force.
require("lib.site.versions").register()
require "lib.site.try" -- tries candidates on past decisions

-- Events go out to the hooks and webhooks, from the journal.
require("lib.site.outbox").register()

-- Who may create a workspace, in the log.
server.on_start(require("lib.admin.health").log_access)

-- The doctor's checks, every few minutes, for /ready.
require("lib.doctor.schedule").register()
