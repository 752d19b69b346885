--- Does a stack answer at its public address, locked, as itself, and usable? One look at a time; scripts/steps/health.lua counts them.
---   locked  /global/health without a password: 401 and a Basic challenge. 200 with JSON: open to everybody, which ends the deployment.
---   right   the same with the password: 200, JSON, healthy, a version. A page of HTML with status 200 proves nothing.
---   usable  /path with the password: 200, and the directory is /workspace.
--- While the certificate is not valid, only "locked" is asked for at the public address: no password travels over it.
local crypto = require "core.crypto"
local http = require "core.http"
local json = require "core.json"
local workspace = require "lib.base.workspace"
local health = { user = "opencode", directory = workspace.directory }

local function field(response, name) return response.headers[name] or "" end

local function json_of(response)
  if not field(response, "content-type"):find("^application/json") then return nil end
  local value = json.decode(response.body)
  return type(value) == "table" and value or nil
end

-- What answers mean -----------------------------------------------------------------------------------------------------

--- An answer to a question without a password: "locked"; "open"; "page" (a page without a lock, perhaps the proxy's own); nil: not yet.
---@return string|nil
function health.lock_of(response)
  if response.status == 401 and field(response, "www-authenticate"):lower():find("^basic") then return "locked" end
  if response.status < 200 or response.status > 299 then return nil end
  return json_of(response) and "open" or "page"
end

--- An answer to /global/health with the password: its version; or nil, code.
function health.instance_of(response)
  if response.status == 401 then return nil, "stack_wrong_password" end
  local value = response.status == 200 and json_of(response)
  if value and value.healthy == true and type(value.version) == "string" then return value.version end
  return nil, "stack_unhealthy"
end

--- An answer to /path with the password: true; or nil, code.
function health.workspace_of(response)
  if response.status == 401 then return nil, "stack_wrong_password" end
  local value = response.status == 200 and json_of(response)
  if value and value.directory == health.directory then return true end
  return nil, (response.status == 200 or response.status == 400 or response.status == 500) and "stack_workspace" or "stack_unhealthy"
end

--- An answer to /session with the password: when the newest session was last changed, in seconds since 1970; nil when there is none.
function health.used_of(response)
  local newest
  for _, session in ipairs(response.status == 200 and json_of(response) or {}) do
    local time = type(session) == "table" and session.time
    local updated = type(time) == "table" and tonumber(time.updated)
    if updated and updated / 1000 > (newest or 0) then newest = updated / 1000 end
  end
  return newest
end

-- Looking ---------------------------------------------------------------------------------------------------------------

local function get(place, path, timeout, password, verify)
  return http.request {
    url = place.url .. path, timeout = timeout, connect_timeout = 2, max_body = 65536, fresh = true, verify = verify,
    fence = place.fence, connect_to = place.connect_to,
    headers = password and { Authorization = "Basic " .. crypto.base64(health.user .. ":" .. password) } or nil,
  }
end

--- The lock at one place: what it is (as lock_of has it), and whether the certificate is good. No password is sent.
---@param place { url: string, connect_to: string|nil, fence: boolean }
---@return string|nil lock, boolean certified
function health.lock(place)
  local response, _, code = get(place, "/global/health", 3, nil, true)
  local certified = true
  if not response and code == "tls" then
    certified = false
    response = get(place, "/global/health", 3, nil, false)
  end
  return response and health.lock_of(response), certified
end

--- When somebody last worked there, by its sessions; nil when nobody did, or it does not say. Only where the certificate is good.
---@param place { url: string, connect_to: string|nil, fence: boolean }
---@param password string
---@return number|nil
function health.used(place, password)
  local response = get(place, "/session?limit=20", 10, password, true)
  return response and health.used_of(response)
end

-- With the password, over a connection that may carry it.
local function inside(place, password, verify)
  local response = get(place, "/global/health", 3, password, verify)
  if not response then return nil, "stack_unhealthy" end
  local version, code = health.instance_of(response)
  if not version then return nil, code end
  response = get(place, "/path", 10, password, verify)
  if not response then return nil, "stack_unhealthy" end
  local usable
  usable, code = health.workspace_of(response)
  if not usable then return nil, code end
  return version
end

-- While the certificate is not valid: at the proxy's inner address if there is one, else by the container's name on the shared network.
local function inside_uncertified(target)
  if target.public.connect_to then return inside(target.public, target.password, false) end
  local lock = target.inner and health.lock(target.inner)
  if lock == "open" then return nil, "stack_unprotected" end
  if lock ~= "locked" then return nil, "certificate" end
  return inside(target.inner, target.password, true)
end

--- One look.
---@param target { public: table, inner: table|nil, password: string }  places: {url, connect_to, fence}
---@return { code: string|nil, lock: string|nil, certified: boolean, version: string|nil }  code: what is not as it should be
function health.look(target)
  local lock, certified = health.lock(target.public)
  local seen = { lock = lock, certified = certified }
  if lock == "open" then
    seen.code = "stack_unprotected"
  elseif lock ~= "locked" then
    seen.code = "stack_unhealthy"
  elseif certified then
    seen.version, seen.code = inside(target.public, target.password, true)
  else
    seen.version, seen.code = inside_uncertified(target)
  end
  return seen
end

-- Containers ------------------------------------------------------------------------------------------------------------

local function reason_of(row)
  local said = type(row.error) == "string" and row.error or type(row.status) == "string" and row.status or ""
  return (said:gsub('["%c]', " "):gsub("^%s*task:%s*", ""):match("^%s*(.-)%s*$"):sub(1, 120))
end

local function has_failed(row)
  local now = type(row.currentState) == "string" and row.currentState or row.status
  if type(now) ~= "string" or now:find("^Exited %(0%)") then return false end
  return (now:find("^Failed") or now:find("^Rejected") or now:find("^Exited")) ~= nil
end

--- How many of a service's tasks or containers ended by themselves, and why the newest did.
---@param rows table[]  newest first
---@return integer count, string|nil reason
function health.crashes(rows)
  local count, reason = 0, nil
  for _, row in ipairs(rows) do
    if has_failed(row) then
      count = count + 1
      reason = reason or reason_of(row)
    end
  end
  return count, reason
end

return health
