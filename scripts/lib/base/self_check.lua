--- What `deployer --check` tries beyond loading the scripts.
local server = require "core.server"
local check = require "lib.base.check"
local site = require "lib.base.site"

local self_check = {}

-- Every file in these must load, also one that nothing requires yet.
local folders = { "policy", "steps", "routes", "commands" }

local route_count

-- Loads a file; returns a problem or nil. A file that registers routes only now is not required by
-- init.lua, so the portal would never serve them.
local function load_file(folder, name)
  local before, ok, message = route_count, pcall(require, folder .. "." .. name)
  if not ok then return tostring(message) end
  route_count = #server.routes()
  if route_count == before then return nil end
  local problem = "scripts/%s/%s.lua: its routes are not served (require it in init.lua)"
  return problem:format(folder, name)
end

--- Loads every file that the portal may use, then runs the registered checks if all of them load.
---@return string[] problems
function self_check.run()
  local problems = {}
  route_count = #server.routes()
  for _, folder in ipairs(folders) do
    for _, file in ipairs(server.list("scripts/" .. folder)) do
      local name = file:match "^(.+)%.lua$"
      problems[#problems + 1] = name and load_file(folder, name)
    end
  end
  for _, problem in ipairs(site.check()) do problems[#problems + 1] = problem end
  if #problems > 0 then return problems end
  return check.check()
end

return self_check
