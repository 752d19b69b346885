--- Is everything around the portal as it must be? The examinations, in the order in which they are told.
---@type (fun(report: table))[]
local examinations = {
  require "lib.doctor.dokploy", -- reached, version, token, rights, concurrency, clock
  require "lib.doctor.network", -- room in the network of all stacks
  require "lib.doctor.stacks",  -- DNS and certificate, the way health checks take, registry and image
  require "lib.doctor.machine", -- disk and volume, rehearsal
}

--- All of them, into a report (lib/doctor/report.lua). It changes nothing.
return function(report)
  for _, examine in ipairs(examinations) do examine(report) end
end
