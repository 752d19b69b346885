--- deployer doctor: is everything around the portal as it must be? One line each: ok, warn or fail, with the cure.
--- The examinations stand in lib/doctor/*.lua.
local console = require "core.console"
local options = require "lib.base.options"
local doctor = require "lib.doctor"
local report = require "lib.doctor.report"

local help = [[
deployer doctor [--strict]

Looks at Dokploy and its token, the address of the stacks, the image, the network, the clock and the disk. It changes nothing.
Status 0: nothing failed. 1: something did; with --strict, a warning counts too.]]

return {
  run = function(arguments)
    local given, message = options.read(arguments, { strict = "flag", help = "flag" })
    if not given or given.help then
      console.print((message and message .. "\n\n" or "") .. help)
      return given and 0 or 2
    end
    local lines = report.new()
    doctor(lines)
    console.print(("%d ok, %d to look at, %d to mend"):format(lines.counts.ok, lines.counts.warn, lines.counts.fail))
    if given.strict and lines.counts.warn > 0 then return 1 end
    return lines:status()
  end,
}
