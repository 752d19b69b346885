--- deployer rollout --image IMAGE: deploys a release of the portal through Dokploy, waits for its
--- /ready, and goes back by itself when it does not become ready.
local console = require "core.console"
local command = require "lib.base.command"
local image = require "lib.base.image"
local report = require "lib.doctor.report"
local release = require "lib.release"
local rollout = require "lib.release.rollout"

local help = [[
deployer rollout --image IMAGE [--release NAME] [--url URL] [--connect-to HOST:PORT] [--seconds N]
                 [--name portal]

  --image       the new image, with tag or digest
  --release     the release name it shows at /ready (build argument RELEASE); default: its tag
  --url         the portal's address; default: its domain in Dokploy
  --connect-to  host:port to connect to instead of the address in DNS
  --seconds     time to become ready (180)
  --name        which portal, where there are several (portal)
DOKPLOY_URL and DOKPLOY_API_TOKEN(_FILE) name the Dokploy server.
Exit status 0: the new release is ready. 1: it is not, and the previous one is back.]]

return command.define {
  help = help,
  options = {
    image = "text", release = "text", url = "text", ["connect-to"] = "text", seconds = "number",
    name = "text",
  },
  required = { "image" },
  run = function(given)
    local _, fault = image.parse(given.image)
    if fault then
      console.print(("--image %s: %s"):format(given.image, fault))
      return 2
    end
    local name = given.release or release.name_of(given.image)
    if not name then
      console.print("the image has no tag: give --release, the name it shows at /ready")
      return 2
    end
    return rollout.run(report.new(), { image = given.image, release = name }, given)
  end,
}
