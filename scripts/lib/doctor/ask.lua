--- Calls one procedure of Dokploy for the doctor: its answer, or nil, message, code. May wait.
--- A failure is kept out of /health: a token may be good for the portal's work and still lack the
--- right to what the doctor wants to know.
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"

local client = dokploy.client { tries = 2 }

return function(procedure)
  return call.run(client, {
    procedure = procedure, repeatable = true, aside = true,
    shape = function(value) return value end,
  })
end
