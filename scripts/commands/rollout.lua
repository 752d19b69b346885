--- deployer rollout --image IMAGE: brings it into force through Dokploy, waits for its /ready, else goes back by itself.
local console = require "core.console"
local options = require "lib.base.options"
local report = require "lib.doctor.report"
local release = require "lib.release"
local rollout = require "lib.release.rollout"

local help = [[
deployer rollout --image IMAGE [--release WORD] [--url URL] [--connect-to HOST:PORT] [--seconds N] [--name portal]

  --image       the new image, with tag or digest
  --release     what the new one calls itself at /ready (build argument RELEASE); the image's tag when left out
  --url         where the portal is reached; its domain in Dokploy when left out
  --connect-to  host:port to connect to instead of what DNS says
  --seconds     how long it may take to become ready (180)
  --name        which portal, when there are several (portal)
DOKPLOY_URL and DOKPLOY_API_TOKEN(_FILE) say where Dokploy is.
Status 0: the new release is ready. 1: it is not, and the one before is back.]]

local known = {
  image = "text", release = "text", url = "text", ["connect-to"] = "text", seconds = "number", name = "text", help = "flag",
}

return {
  run = function(arguments)
    local given, message = options.read(arguments, known)
    if not given or given.help or not given.image then
      console.print((message and message .. "\n\n" or "") .. help)
      return given and given.help and 0 or 2
    end
    local word = given.release or release.word_of(given.image)
    if not word then
      console.print("the image has no tag: say --release, what it calls itself at /ready")
      return 2
    end
    return rollout.run(report.new(), { image = given.image, release = word }, {
      name = given.name or "portal", url = given.url, connect_to = given["connect-to"], seconds = given.seconds or 180,
    })
  end,
}
