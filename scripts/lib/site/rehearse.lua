--- Rehearses files of the installation before they are in force: a portal with them deploys on a
--- simulated Dokploy, which may be told to fail now and then. Both are processes of their own.
local config = require "core.config"
local crypto = require "core.crypto"
local http = require "core.http"
local json = require "core.json"
local process = require "core.process"
local site = require "core.site"
local task = require "core.task"
local attempt = require "lib.base.attempt"
local clock = require "lib.base.clock"
local names = require "lib.base.names"
local rehearse = {}

local MOST = 200         -- deployments
local SECONDS = 120      -- for everything
local MEMORY = 512 << 20 -- of each process
local PAUSE = 0.1        -- between two looks at a deployment
local SPEED, TIME_SCALE = 50, 10

local try = attempt.try

-- Starting

-- The port that a process logs when it listens.
local function port_of(child)
  for line in function() return child:read() end do
    local entry = json.decode(line)
    local event = type(entry) == "table" and tostring(entry.event)
    if event and event:find "%.listening$" then return entry.port end
  end
  local ended = child:wait()
  return try(nil, ended.errors:match "[^\n]+" or "it does not start", "site_invalid")
end

local function start(arguments, environment)
  local child = try(process.start {
    arguments = arguments, environment = environment, seconds = SECONDS, memory = MEMORY,
  })
  return child, port_of(child)
end

local function start_dokploy(folder)
  return start({ "--rehearsal" }, {
    "SITE_DIR=" .. folder .. "/none", "DATA_DIR=" .. folder, "REHEARSAL_PORT=0",
    "REHEARSAL_HOST=127.0.0.1",
    "REHEARSAL_SPEED=" .. SPEED, "APP_ENV=", "NODE_ENV=test", "DOKPLOY_URL=",
    "TIME_SCALE=" .. TIME_SCALE,
  })
end

-- Nothing that the files do reaches beyond this machine: OUTGOING_PROXY is a port where nothing
-- listens.
local function start_portal(files, folder, dokploy_port, token)
  local site_folder = folder .. "/site"
  try(site.write_folder(files, site_folder))
  return start({}, {
    "SITE_DIR=" .. site_folder, "DATA_DIR=" .. folder, "PORT=0", "HOST=127.0.0.1",
    "PORTAL_HOSTS=", "ADMIN_TOKEN=" .. token,
    "REHEARSAL_PORT=" .. dokploy_port, "APP_ENV=", "NODE_ENV=test", "DOKPLOY_URL=",
    "STACK_NETWORK=", "TIME_SCALE=" .. TIME_SCALE, "OUTGOING_PROXY=http://127.0.0.1:9",
    "LOG_LEVEL=info",
  })
end

-- Deploying

local function call(method, url, token, body)
  local reply = try(http.request {
    method = method, url = url, timeout = 30, body = body and json.encode(body),
    headers = {
      Authorization = "Bearer " .. token, Accept = "application/json",
      ["Content-Type"] = body and "application/json" or nil,
    },
  })
  return reply.status, json.decode(reply.body)
end

-- So that about that share of the calls and deployments fails, in the ways of a real Dokploy.
local function inject(dokploy, token, share)
  if share == 0 then return end
  local each = share / 4
  call("POST", dokploy .. "/__rehearsal/faults", token, {
    { at = "*", kind = "status", status = 503, times = 0, chance = each },
    { at = "*", kind = "lost", times = 0, chance = each },
    { at = "*", kind = "cut", times = 0, chance = each },
    { at = "deploy", kind = "deploy_error", times = 0, chance = each },
  })
end

local ended = { ready = "ready", failed = "failed", cancelled = "failed" }

-- The calls and deployments that failed on purpose.
local function count_faults(dokploy, token)
  local count, _, rules = 0, call("GET", dokploy .. "/__rehearsal/faults", token)
  for _, rule in ipairs(rules) do count = count + rule.hits end
  return count
end

-- A name that these files accept and what their first template requires, by the example in the
-- portal's description.
local function example_of(portal, token)
  local _, described = call("GET", portal .. "/api/openapi.json", token)
  return described.components.schemas.Deploy.examples[1]
end

-- How a deployment ended: its document, or why it was refused.
local function deploy(portal, token, body)
  local status, accepted = call("POST", portal .. "/api/deploy", token, body)
  if status ~= 202 then
    accepted = accepted or {}
    return { state = "refused", code = accepted.code, field = accepted.field }
  end
  local url = portal .. accepted.statusUrl
  repeat
    local _, doc = call("GET", url, token)
    if doc and ended[doc.state] then return doc end
  until not task.sleep(PAUSE)
  return { state = "unfinished" }
end

local function deploy_all(portal, token, count)
  local work, example = {}, example_of(portal, token)
  local stem = example.name:sub(1, names.max - #"-try-200"):gsub("%-$", "")
  for i = 1, count do
    local body = { name = ("%s-try-%d"):format(stem, i), parameters = example.parameters }
    work[i] = function() return deploy(portal, token, body) end
  end
  local results = task.all(work)
  for i, result in ipairs(results) do
    results[i] = type(result[1]) == "table" and result[1] or { state = "unfinished" }
  end
  return results
end

-- Counting

local function add_steps(steps, by_name, list)
  for _, step in ipairs(list or {}) do
    local seconds = clock.between(step.startedAt, step.endedAt)
    if seconds then
      local total = by_name[step.step]
      if not total then
        total = { step = step.step, count = 0, seconds = 0, longest = 0 }
        by_name[step.step], steps[#steps + 1] = total, total
      end
      total.count, total.seconds = total.count + 1, total.seconds + seconds
      total.longest = math.max(total.longest, seconds)
    end
  end
end

---@class Rehearsed
---@field deployments integer
---@field ready integer
---@field failed integer     and everything removed again
---@field leftovers integer  failed, and something is left
---@field refused integer    by the rules or as a name
---@field unfinished integer
---@field faults integer     that were met
---@field reasons table<string, integer>  codes of failures and refusals, with the field of one that
---                          has it; how often
---@field steps table[]      { step, count, seconds (on average), longest }

local function summary(results, faults)
  local found = {
    deployments = #results, ready = 0, failed = 0, leftovers = 0, refused = 0, unfinished = 0,
    faults = faults, reasons = {}, steps = json.array {},
  }
  local by_name = {}
  for _, doc in ipairs(results) do
    local kind, result = ended[doc.state] or doc.state, doc.result or doc
    if kind == "failed" and #(result.leftovers or {}) > 0 then kind = "leftovers" end
    found[kind] = found[kind] + 1
    local code = kind ~= "ready" and result.code
    if code then
      local reason = result.field and ("%s %s"):format(code, result.field) or code
      found.reasons[reason] = (found.reasons[reason] or 0) + 1
    end
    add_steps(found.steps, by_name, doc.steps)
  end
  for _, step in ipairs(found.steps) do step.seconds = step.seconds / step.count end
  return found
end

-- Ends a process however the rehearsal ends.
local function ending(child)
  return setmetatable({}, { __close = function() child:kill() end })
end

local function run(files, options)
  local token, folder = crypto.token(24), config.data_dir .. "/try"
  site.write_folder({}, folder) -- what an interrupted rehearsal left
  local dokploy, dokploy_port = start_dokploy(folder)
  local _ <close> = ending(dokploy)
  local portal, port = start_portal(files, folder, dokploy_port, token)
  local _ <close> = ending(portal)
  local dokploy_url = "http://127.0.0.1:" .. dokploy_port
  inject(dokploy_url, token, options.faults or 0)
  local results = deploy_all("http://127.0.0.1:" .. port, token, options.deploy)
  local faults = count_faults(dokploy_url, token)
  for _, child in ipairs { portal, dokploy } do
    child:kill()
    child:wait()
  end
  site.write_folder({}, folder)
  return summary(results, faults)
end

--- Deploys with these files. Waits, for about a second for each deployment.
---@param files table<string, string>  checked before
---@param options { deploy: integer, faults: number|nil }  faults: the share of calls and
--- deployments that fail, from 0 to 1
---@return Rehearsed|nil result, string? message, string? code  site_invalid invalid system
function rehearse.run(files, options)
  if options.deploy < 1 or options.deploy > MOST then
    return nil, ("from 1 to %d deployments"):format(MOST), "invalid"
  end
  return task.lock("site.rehearse", attempt.catch, run, files, options)
end

return rehearse
