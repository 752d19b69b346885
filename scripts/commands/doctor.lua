--- deployer doctor: checks everything around the portal. One line each: ok, warn or fail, with the
--- correction.
local console = require "core.console"
local command = require "lib.base.command"
local run_checks = require "lib.doctor"
local report = require "lib.doctor.report"

local help = [[
deployer doctor [--strict]

Checks Dokploy and its token, the address of the workspaces, the image, the network, the clock and
the disk. It changes nothing.
Exit status 0: nothing failed. 1: a check failed; with --strict, a warning counts as well.]]

return command.define {
  help = help,
  options = { strict = "flag" },
  run = function(given)
    local results = report.new()
    run_checks(results)
    local counts = results.counts
    console.print(("%d ok, %d warnings, %d failed"):format(counts.ok, counts.warn, counts.fail))
    if given.strict and counts.warn > 0 then return 1 end
    return results:status()
  end,
}
