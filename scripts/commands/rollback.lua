--- deployer rollback: deploys the previous good release of the portal again.
local console = require "core.console"
local command = require "lib.base.command"
local report = require "lib.doctor.report"
local release = require "lib.release"
local rollout = require "lib.release.rollout"

local help = [[
deployer rollback [--list] [--url URL] [--connect-to HOST:PORT] [--seconds N] [--name portal]

Deploys the newest good release other than the current one. --list only shows the good releases.]]

local function previous(application)
  for _, entry in ipairs(release.history(application)) do
    if entry.image ~= application.dockerImage then return entry end
  end
end

local function show(application)
  for _, entry in ipairs(release.history(application)) do
    local mark = entry.image == application.dockerImage and "*" or " "
    console.print(("%s %s  %s"):format(mark, entry.release, entry.image))
  end
end

return command.define {
  help = help,
  options = {
    list = "flag", url = "text", ["connect-to"] = "text", seconds = "number", name = "text",
  },
  run = function(given)
    local results = report.new()
    local application = release.find_or_report(given.name, results)
    if not application then return results:status() end
    if given.list then return show(application) end
    local target = previous(application)
    if not target then
      results:fail("history", "there is no other good release",
        "deployer rollout --image ... deploys any image")
      return results:status()
    end
    return rollout.run(results, target, given)
  end,
}
