--- Checks whether everything around the portal is as it must be. Changes nothing.
---@type (fun(report: table))[]
local checks = {
  require "lib.doctor.dokploy", -- reachable, version, token, rights, concurrency, clock
  require "lib.doctor.network", -- the network of the workspaces, its free addresses, CPUs
  require "lib.doctor.address", -- DNS, certificate, path of the health checks, image
  require "lib.doctor.machine", -- disk, volume, admin token, proxy, rehearsal
}

--- Runs every check, in order. Waits for the network.
---@param report table  of lib/doctor/report.lua
return function(report)
  for _, check in ipairs(checks) do check(report) end
end
