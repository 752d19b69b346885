--- deployer rollback: brings the good release before the one in force back.
local console = require "core.console"
local options = require "lib.base.options"
local report = require "lib.doctor.report"
local release = require "lib.release"
local rollout = require "lib.release.rollout"

local help = [[
deployer rollback [--list] [--url URL] [--connect-to HOST:PORT] [--seconds N] [--name portal]

Brings back the newest release that was good and is not in force. --list only shows which were good.]]

local known = { list = "flag", url = "text", ["connect-to"] = "text", seconds = "number", name = "text", help = "flag" }

local function previous(application)
  for _, entry in ipairs(release.history(application)) do
    if entry.image ~= application.dockerImage then return entry end
  end
end

local function show(application)
  for _, entry in ipairs(release.history(application)) do
    console.print(("%s %s  %s"):format(entry.image == application.dockerImage and "*" or " ", entry.release, entry.image))
  end
end

return {
  run = function(arguments)
    local given, message = options.read(arguments, known)
    if not given or given.help then
      console.print((message and message .. "\n\n" or "") .. help)
      return given and 0 or 2
    end
    local lines, name = report.new(), given.name or "portal"
    local application, why, code = release.find(name)
    if not application then
      lines:fail("portal", why, code and "deployer doctor says more" or "deployer bootstrap makes it")
      return lines:status()
    end
    if given.list then return show(application) end
    local to = previous(application)
    if not to then
      lines:fail("history", "no other release is known to be good", "deployer rollout --image ... rolls out any image")
      return lines:status()
    end
    return rollout.run(lines, to, { name = name, url = given.url, connect_to = given["connect-to"], seconds = given.seconds or 180 })
  end,
}
