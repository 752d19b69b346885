--- Does a workspace answer at its public address, locked, as itself, and usable?
---   locked  /global/health without a password: 401 and a Basic challenge. 200 with JSON: open to
---           everybody, which ends a deployment.
---   right   the same with the password: 200, JSON, healthy, a version. An HTML page with status
---           200 proves nothing.
---   usable  /path with the password: 200, and the directory is /workspace.
--- While the certificate is not valid, only the lock is checked at the public address: no password
--- travels over it.
local crypto = require "core.crypto"
local http = require "lib.base.outgoing"
local json = require "core.json"
local task = require "core.task"
local timer = require "core.timer"
local workspace = require "lib.base.workspace"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local sanitize = require "lib.dokploy.sanitize"

local health = {
  user = "opencode",
  in_a_row = 3,    -- good probes before it is called ready
  eager = 30,      -- seconds in which it is probed four times a second; then once a second
  page_seconds = 10, -- of pages without a lock before they are not taken for the proxy's own
  crashes = 3,     -- containers that ended by themselves before it is given up
  crash_pause = 2, -- seconds between two looks at its containers
}
local once = dokploy.client { tries = 1 } -- looking at containers must not hold up the probes

-- What answers mean

local function json_of(response)
  local content_type = response.headers["content-type"] or ""
  if not content_type:find "^application/json" then return nil end
  local value = json.decode(response.body)
  return type(value) == "table" and value or nil
end

--- What an answer to a request without a password means: "locked"; "open"; "page" (a page without a
--- lock, perhaps the proxy's own); nil: not there yet.
---@return string|nil
function health.lock_of(response)
  local challenge = response.headers["www-authenticate"] or ""
  if response.status == 401 and challenge:lower():find "^basic" then return "locked" end
  if response.status < 200 or response.status > 299 then return nil end
  return json_of(response) and "open" or "page"
end

--- What an answer to /global/health with the password means: its version; or nil, code.
function health.instance_of(response)
  if response.status == 401 then return nil, "stack_wrong_password" end
  local value = response.status == 200 and json_of(response)
  local is_healthy = value and value.healthy == true and type(value.version) == "string"
  if not is_healthy then return nil, "stack_unhealthy" end
  return value.version
end

local broken_workspace = { [200] = true, [400] = true, [500] = true }

--- What an answer to /path with the password means: true; or nil, code.
function health.workspace_of(response)
  if response.status == 401 then return nil, "stack_wrong_password" end
  local value = response.status == 200 and json_of(response)
  if value and value.directory == workspace.directory then return true end
  return nil, broken_workspace[response.status] and "stack_workspace" or "stack_unhealthy"
end

--- What an answer to /session with the password means: when the newest session was last changed, in
--- seconds since 1970; nil when there is none.
function health.used_of(response)
  local newest
  for _, session in ipairs(response.status == 200 and json_of(response) or {}) do
    local time = type(session) == "table" and session.time
    local updated = type(time) == "table" and tonumber(time.updated)
    if updated and updated / 1000 > (newest or 0) then newest = updated / 1000 end
  end
  return newest
end

--- What an answer to /project with the password means: when the oldest project was first opened, in
--- milliseconds since 1970; nil when it does not say. That is kept on the volume.
---@return integer|nil
function health.files_since_of(response)
  local oldest
  for _, project in ipairs(response.status == 200 and json_of(response) or {}) do
    local time = type(project) == "table" and project.time
    local created = type(time) == "table" and math.tointeger(tonumber(time.created))
    if created and created < (oldest or math.maxinteger) then oldest = created end
  end
  return oldest
end

-- Probes

local function get(target, path, options)
  local password = options.password
  local credentials = password and crypto.base64(health.user .. ":" .. password)
  return http.request {
    url = target.url .. path, timeout = options.timeout, connect_timeout = 2, max_body = 65536,
    fresh = true, verify = options.verify, fence = target.fence, connect_to = target.connect_to,
    headers = credentials and { Authorization = "Basic " .. credentials } or nil,
  }
end

--- The lock at one target, whether the certificate is valid, and the status. No password is sent.
---@param target Target
---@return string|nil lock  as lock_of
---@return boolean is_certified
---@return integer|nil status
function health.lock(target)
  local response, _, code = get(target, "/global/health", { timeout = 3, verify = true })
  local is_certified = true
  if not response and code == "tls" then
    is_certified = false
    response = get(target, "/global/health", { timeout = 3, verify = false })
  end
  if not response then return nil, is_certified end
  return health.lock_of(response), is_certified, response.status
end

--- When somebody last worked there, by its sessions; nil when nobody did, or it does not say. Only
--- over a valid certificate.
---@param target Target
---@return number|nil  seconds since 1970
function health.last_used(target, password)
  local options = { timeout = 10, password = password, verify = true }
  local response = get(target, "/session?limit=20", options)
  return response and health.used_of(response)
end

--- When the files on its volume began, as files_since_of. Only over a valid certificate.
---@param target Target
---@return integer|nil
function health.files_since(target, password)
  local response = get(target, "/project", { timeout = 10, password = password, verify = true })
  return response and health.files_since_of(response)
end

-- With the password, over a connection that may carry it.
local function inside(target, password, verify)
  local options = { timeout = 3, password = password, verify = verify }
  local response = get(target, "/global/health", options)
  if not response then return nil, "stack_unhealthy" end
  local version, code = health.instance_of(response)
  if not version then return nil, code end
  options.timeout = 10
  response = get(target, "/path", options)
  if not response then return nil, "stack_unhealthy" end
  local is_usable
  is_usable, code = health.workspace_of(response)
  if not is_usable then return nil, code end
  return version
end

-- While the certificate is not valid: at the proxy's inner address if there is one, else by the
-- container's name on the shared network.
local function inside_uncertified(target)
  if target.public.connect_to then return inside(target.public, target.password, false) end
  local lock = target.inner and health.lock(target.inner)
  if lock == "open" then return nil, "stack_unprotected" end
  if lock ~= "locked" then return nil, "certificate" end
  return inside(target.inner, target.password, true)
end

--- One probe of everything.
---@param target { public: Target, inner: Target|nil, password: string }
---@return { code: string|nil, lock: string|nil, is_certified: boolean, version: string|nil,
--- status: integer|nil }  code: what is not as it should be; status: of the public address
function health.probe(target)
  local lock, is_certified, status = health.lock(target.public)
  local seen = { lock = lock, is_certified = is_certified, status = status }
  if lock == "open" then
    seen.code = "stack_unprotected"
  elseif lock ~= "locked" then
    seen.code = "stack_unhealthy"
  elseif is_certified then
    seen.version, seen.code = inside(target.public, target.password, true)
  else
    seen.version, seen.code = inside_uncertified(target)
  end
  return seen
end

-- Waiting

-- How many of its containers ended by themselves while nothing answered.
local function count_crashes(watch, target, app_name, now)
  if watch.last.lock then
    watch.ended = nil
  elseif now - watch.looked_at >= health.crash_pause then
    watch.looked_at = now
    watch.ended = containers.crashes(watch.ended, once:instances(app_name) or {})
    watch.reason = sanitize.text(watch.ended.reason, 120, target.secrets)
  end
  return watch.ended and watch.ended.count or 0
end

-- A reason to end at once, or nothing.
local function hopeless(watch, target, new_service, now)
  if watch.last.code == "stack_unprotected" then
    return "it answers without a password", "stack_unprotected"
  end
  if not new_service then return nil end
  watch.page_since = watch.last.lock == "page" and (watch.page_since or now) or nil
  if watch.page_since and now - watch.page_since >= health.page_seconds then
    return "a page without a lock answers at its address", "stack_unprotected"
  end
  if count_crashes(watch, target, new_service, now) >= health.crashes then
    return "its container ends again and again: " .. watch.reason, "stack_unhealthy"
  end
end

--- Probes until the workspace is healthy three times in a row. While it does not answer, a probe is
--- one request. When the time is over and only the certificate is missing, that is a success with a
--- warning.
---@param target { public: Target, inner: Target|nil, password: string }
---@param options { seconds: number, new_service: string|nil, on_probe: fun(key: string,
--- count: integer)|nil }  new_service: the service of a first start, whose containers are watched;
--- on_probe: called with what is missing ("steady": nothing) and how many probes were good
---@return boolean|nil healthy, string? warning_or_message, string? code, table? args
---@return integer? status  of the last probe, when it did not become healthy in time
function health.wait(target, options)
  local began = timer.now()
  local watch, ends = { good = 0, looked_at = began, reason = "" }, began + options.seconds
  repeat
    local seen = health.probe(target)
    local now = timer.now()
    watch.last = seen
    watch.good = seen.code and 0 or watch.good + 1
    if watch.good >= health.in_a_row then return true end
    local message, code = hopeless(watch, target, options.new_service, now)
    if message then return nil, message, code, { reason = watch.reason } end
    if options.on_probe then options.on_probe(seen.code or "steady", watch.good) end
    local pause = now - began < health.eager and 0.25 or 1
    if not task.sleep(pause) then return nil, "cancelled", "cancelled" end
  until timer.now() >= ends
  if watch.last.code == "certificate" then return true, "certificate" end
  local code = watch.last.code or "stack_unhealthy"
  local args = { reason = watch.reason }
  return nil, "it did not become healthy in time", code, args, watch.last.status
end

return health
