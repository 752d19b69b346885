--- Webhooks by the Standard Webhooks specification (https://www.standardwebhooks.com): each event
--- is POSTed to the receivers of config.lua, signed with HMAC-SHA-256 under the receiver's secret.
local config = require "core.config"
local crypto = require "core.crypto"
local json = require "core.json"
local site = require "core.site"
local task = require "core.task"
local clock = require "lib.base.clock"
local host = require "lib.base.host"
local outgoing = require "lib.base.outgoing"
local types = require("lib.journal.outbox").types()
local schema = require "lib.schema"
local outbox = require "lib.site.outbox"

local webhooks = {}

local TIMEOUT, CONNECT_TIMEOUT = 30, 10 -- seconds
local LONGEST_ANSWER = 64 << 10
local SHORTEST_KEY, LONGEST_KEY = 24, 64 -- bytes, by the specification

--- The key in a secret such as "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".
---@param secret string|nil
---@return string|nil key
---@return string? message
function webhooks.key(secret)
  local key = crypto.unbase64((secret or ""):match "^whsec_(.*)$" or "!")
  if key and #key >= SHORTEST_KEY and #key <= LONGEST_KEY then return key end
  return nil, ("must be whsec_ and %d to %d random bytes as base64 (make one with: echo "
    .. "whsec_$(openssl rand -base64 32))"):format(SHORTEST_KEY, LONGEST_KEY)
end

--- The value of the field webhook-signature.
---@param key string
---@param id string
---@param timestamp integer
---@param body string
---@return string
function webhooks.signature(key, id, timestamp, body)
  return "v1," .. crypto.base64(crypto.hmac(key, ("%s.%d.%s"):format(id, timestamp, body)))
end

--- The body that an event is sent as.
---@param event HookEvent
---@return string
function webhooks.body(event)
  local owner = event.workspace.owner
  owner.groups = json.array { table.unpack(owner.groups) } -- [] when empty
  return json.encode {
    type = "workspace." .. event.type, timestamp = clock.iso(event.at),
    data = { id = event.id, workspace = event.workspace, operation = event.operation },
  }
end

local function send(receiver, event)
  local key, fault = webhooks.key(config.secret(receiver.secret))
  if not key then return nil, receiver.secret .. " " .. fault end
  local body, now = webhooks.body(event), os.time()
  local response, message, code = outgoing.request {
    url = receiver.url, method = "POST", body = body, fresh = true, timeout = TIMEOUT,
    connect_timeout = CONNECT_TIMEOUT, max_body = LONGEST_ANSWER,
    headers = {
      ["Content-Type"] = "application/json", ["webhook-id"] = event.id,
      ["webhook-timestamp"] = tostring(now),
      ["webhook-signature"] = webhooks.signature(key, event.id, now, body),
    },
  }
  if not response then return nil, message, code end
  if response.status >= 200 and response.status < 300 then return true end
  return nil, "it answered " .. response.status, response.status == 410 and "gone" or "refused"
end

local is_own = (site.read "config.lua" or ""):find("webhooks", 1, true)
local FILE = is_own and "site/config.lua" or "config.lua"
local function refuse(path, message, ...) schema.refuse(FILE, path, message, ...) end

local is_type = {}
for _, type in ipairs(types) do is_type[type] = true end

-- The receiver of that index in config.lua, checked.
local function receiver_of(index, options, names)
  local path = ("webhooks[%d]"):format(index)
  local name = options.name or host.of_url(options.url)
  if names[name] then refuse(path .. ".name", "%q is taken; give each receiver a name", name) end
  names[name] = true
  for _, type in ipairs(options.on) do
    if not is_type[type] then
      refuse(path .. ".on", "unknown event %q (known: %s)", type, table.concat(types, ", "))
    end
  end
  local secret = type(options.secret) == "table" and options.secret.secret
  if not secret then refuse(path .. ".secret", 'is missing (write secret "WEBHOOK_SECRET")') end
  local value = config.secret(secret)
  local _, fault = webhooks.key(value)
  -- where a reload's check runs, a secret is as long and all x
  if fault and not value:find "^x+$" then refuse(path .. ".secret", "%s %s", secret, fault) end
  return { name = "webhooks/" .. name, url = options.url, secret = secret, on = options.on }
end

--- Adds the receivers of config.lua. Called once while the scripts load.
function webhooks.register()
  local names = {}
  for index, options in ipairs(config.webhooks) do
    local receiver = receiver_of(index, options, names)
    outbox.add(receiver.name, {
      kind = "webhook", on = #receiver.on > 0 and receiver.on or types,
      deliver = function(event) return task.run(TIMEOUT + 5, send, receiver, event) end,
    })
  end
end

return webhooks
