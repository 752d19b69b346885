--- The map of the portal's scripts: what is run, in this order, each time they are loaded.
--- To add a route, write a file in routes/ and name it here. To add a reserved name, edit policy/names.lua; a step, steps/init.lua.
local server = require "core.server"
local store = require "core.store"
local timer = require "core.timer"

-- The journal's tables, brought forward.
store.migrate(require "lib.schema")

-- What the core itself cannot answer (no such path, a body too long, a script's mistake) is worded like any other problem.
server.on_error(require("lib.problem").from_core)

-- Requests. One file a family of addresses.
require "routes.page"    -- GET /
require "routes.health"  -- GET /health, /ready
require "routes.check"   -- GET /api/check/:name
require "routes.deploy"  -- POST /api/deploy
require "routes.status"  -- GET /api/status/:id, POST /api/status/:id/cancel
require "routes.stack"   -- GET, DELETE /api/stack/:name, GET /api/stacks
require "routes.openapi" -- GET /api/openapi.json

-- Work that comes round.
local look = require "lib.look"
timer.every("look", look.seconds, look.now)

-- Once, before the portal listens: what a crash or a restart interrupted goes on, or is taken away again.
local engine = require "lib.engine"
server.on_start(engine.resume)
server.on_start(look.soon)
