--- Secrets that a deployment was given: they go into the container's environment, by way of
--- Dokploy, and are kept nowhere else. Until then they are in memory, which a restart loses.
local json = require "core.json"
local shared = require "core.shared"
local states = require "lib.operations.states"
local secrets = {}

local DEPLOYMENT = 1200 -- seconds until it must have reached its settings, after its wait
local function key_of(id) return "deploy.secrets:" .. id end

--- Keeps them until the deployment needs them.
---@param id string  the deployment's
---@param variables table<string, string>
function secrets.keep(id, variables)
  if not next(variables) then return end
  shared.set(key_of(id), json.encode(variables), states.queued.deadline + DEPLOYMENT)
end

--- The variables of a deployment; nil when they were lost.
---@param id string
---@return table<string, string>|nil
function secrets.of(id)
  local text = shared.get(key_of(id))
  return text and json.decode(text) or nil
end

--- Forgets them: they have reached Dokploy, or are not needed.
---@param id string
function secrets.forget(id) shared.set(key_of(id), nil) end

return secrets
