--- The rehearsal: a double of Dokploy, and of the stacks that it deploys. Read in this order:
---
---   api        a call becomes a procedure       project environment application* deployment domain mounts docker server settings user
---   model      what the double knows            rows (how it looks), people, keys, rights
---   worker     the queue of deployments         images, swarm (services and volumes), traefik (hosts), dotenv
---   stack      what a deployed stack answers    stack_page
---   faults     what can go wrong on purpose     names
---   control    /__rehearsal/...
---
--- Where the two Dokploys differ, version.new() is asked.
local config = require "core.config"
local json = require "core.json"
local log = require "core.log"
local server = require "core.server"
local store = require "core.store"

local model = require "rehearsal.model"
store.migrate(model.migrations)

require "rehearsal.project"
require "rehearsal.environment"
require "rehearsal.application"
require "rehearsal.application_save"
require "rehearsal.application_run"
require "rehearsal.deployment"
require "rehearsal.domain"
require "rehearsal.mounts"
require "rehearsal.docker"
require "rehearsal.server"
require "rehearsal.settings"
require "rehearsal.user"

local api = require "rehearsal.api"
local control = require "rehearsal.control"
local faults = require "rehearsal.faults"
local people = require "rehearsal.people"
local stack = require "rehearsal.stack"
local swarm = require "rehearsal.swarm"
local worker = require "rehearsal.worker"

local front = [[
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Rehearsal</title>
<h1>Rehearsal</h1>
<p>This is a double of Dokploy. Nothing here is deployed for real. <a href="/__rehearsal/state">What it holds now</a>.</p>
</html>
]]

local function handle(req)
  if stack.is_host(req.host) then return stack.handle(req) end
  if req.path:find "^/__rehearsal/" then return control.handle(req) end
  if req.path:find "^/api/" then return api.handle(req) end
  if req.path == "/" then return { html = front } end
  return { status = 404, text = "404: This page could not be found." }
end

server.route("*", "/", handle)
server.route("*", "/*rest", handle)

server.on_error(function(_, status, code)
  if code == "body_too_large" then return { status = 413, text = "Body exceeded 1mb limit" } end
  return { status = status, json = { message = code } }
end)

-- Rules to begin with: REHEARSAL_FAULTS holds them as JSON, or REHEARSAL_FAULTS_FILE names a file that does.
local function first_faults()
  local text = config.secret "REHEARSAL_FAULTS"
  if not text then return end
  local given, problem = json.decode(text)
  local ok
  if not problem then ok, problem = faults.add(given) end
  if ok then return end
  log.warn("rehearsal.faults", { message = problem .. " (REHEARSAL_FAULTS is JSON; REHEARSAL_FAULTS_FILE names a file)" })
end

server.on_start(function()
  model.load()
  people.bootstrap()
  first_faults()
  swarm.resume()
  worker.resume()
  model.commit()
end)
