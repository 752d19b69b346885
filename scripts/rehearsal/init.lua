--- The rehearsal: a double of Dokploy and of the workspaces that it deploys, in its own process.
--- It answers as two real servers did (tests/contract compares it with recordings), and fails on
--- request. Nothing is deployed for real. Read in this order:
---
---   api           an HTTP call becomes a procedure, and its result an answer; keys: whose it is
---   procedures/   what can be called: project, application, mount, domain, deployment, docker,
---                 network, server; schema checks the input, errors and rows have Dokploy's form
---   database      what the double knows; survives the end of the process
---   worker        runs deployments, one at a time; images: what `docker pull` prints
---   swarm         Docker's side: services, containers, volumes; docker: its networks; proxy: where
---                 hosts are routed
---   workspace     what a deployed container answers over HTTP; workspace_page: its HTML
---   faults        what goes wrong on purpose; outage: Dokploy without its database; subjects:
---                 which workspace a call is about
---   control       /__rehearsal/...: state, faults, reset, version, settle, docker
---   version       the imitated version; clock: times and waits; words: lists as text
local config = require "core.config"
local json = require "core.json"
local log = require "core.log"
local server = require "core.server"
local store = require "core.store"

local database = require "rehearsal.database"
store.migrate(database.migrations)

local api = require "rehearsal.api"
local control = require "rehearsal.control"
local faults = require "rehearsal.faults"
local swarm = require "rehearsal.swarm"
local worker = require "rehearsal.worker"
local workspace = require "rehearsal.workspace"

local front_page = [[
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Rehearsal</title>
<h1>Rehearsal</h1>
<p>This is a simulated Dokploy. Nothing here is deployed for real.
<a href="/__rehearsal/state">What it holds now</a>.</p>
</html>
]]

local function handle(req)
  if workspace.is_host(req.host) then return workspace.handle(req) end
  if req.path:find "^/__rehearsal/" then return control.handle(req) end
  if req.path:find "^/api/" then return api.handle(req) end
  if req.path == "/" then return { html = front_page } end
  return { status = 404, text = "404: This page could not be found." }
end

server.route("*", "/", handle)
server.route("*", "/*rest", handle)

server.on_error(function(_, status, code)
  if code == "body_too_large" then return { status = 413, text = "Body exceeded 1mb limit" } end
  return { status = status, json = { message = code } }
end)

-- Rules to start with, as JSON in REHEARSAL_FAULTS or in the file that REHEARSAL_FAULTS_FILE names.
local function add_first_faults()
  local text = config.secret "REHEARSAL_FAULTS"
  if not text then return end
  local given, problem = json.decode(text)
  local added
  if not problem then added, problem = faults.add(given) end
  if not added then log.warn("rehearsal.faults", { message = problem }) end
end

server.on_start(function()
  database.load()
  add_first_faults()
  swarm.resume()
  worker.resume()
  database.commit()
end)
