--- The map of the portal's scripts: what is run, in this order, each time they are loaded.
--- To add a route, write a file in routes/ and name it here. To add a reserved name, edit policy/names.lua; a step, steps/init.lua.
local server = require "core.server"

-- A policy only decides: its files reach neither the network nor the journal.
server.pure "policy"

-- What `deployer --check` tries beyond loading this file.
server.on_check(require("lib.base.self_check").run)

-- The journal's tables, brought forward.
require("lib.journal.db").migrate(require "lib.journal.schema")

-- Who may come in is known before anybody does.
server.on_start(require("lib.auth.credentials").resume)

-- Requests. One file a family of addresses; the door is what each of them goes through first.
require "routes.door"    -- and what the core cannot answer
require "routes.page"    -- GET /
require "routes.health"  -- GET /health, /ready
require "routes.check"   -- GET /api/check/:name
require "routes.deploy"  -- POST /api/deploy
require "routes.status"  -- GET /api/status/:id, POST /api/status/:id/cancel
require "routes.stack"   -- GET, DELETE /api/stack/:name, GET /api/stacks
require "routes.operate" -- POST /api/stack/:name/stop, /start, /restart, /password
require "routes.owner"   -- GET /api/owner, POST /api/owner/...: key, link to another browser
require "routes.admin"   -- invites, tokens, GET /api/audit
require "routes.drift" -- GET /api/admin/findings, POST /api/admin/findings/...: what the journal and Dokploy do not agree on
require "routes.lists"   -- GET /api/admin/...: stacks, operations, queue, leftovers, summary, and acts on several stacks
require "routes.change_events"    -- GET /api/admin/events
require "routes.session" -- /admin/login, /admin/logout
require "routes.admin_page" -- GET /admin and its sections
require "routes.admin_acts" -- POST /admin/...: what the forms of that page do
require "routes.metrics" -- GET /metrics
require "routes.openapi" -- GET /api/openapi.json

-- Deployments. After a crash or a restart, what was interrupted goes on, or is taken away again.
require("lib.operations.engine").register(require "steps")

-- And afterwards: the stacks are watched, leftovers swept up, the journal held against Dokploy.
require("lib.workspaces").register(require "policy.limits")

-- And every few minutes, a look at everything around the portal, for /ready.
require("lib.doctor.schedule").register()
