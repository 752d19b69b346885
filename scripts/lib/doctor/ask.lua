--- A question of the doctor's to Dokploy: the answer as it is, or nil, message, code. What Dokploy says to it is not what /health shows:
--- a token may be good for the portal's work and not for every question of the doctor's.
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"

local client = dokploy.client { tries = 2 }

return function(procedure)
  return call.run(client, { procedure = procedure, repeatable = true, aside = true, shape = function(value) return value end })
end
