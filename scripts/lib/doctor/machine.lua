--- This machine: the disk that the journal lies on, and what a production portal must not be.
local config = require "core.config"
local console = require "core.console"
local shared = require "core.shared"

local LITTLE, TOO_LITTLE = 1 << 30, 100 << 20

local function megabytes(bytes) return ("%d MB"):format(bytes // 1000000) end

local function look_disk(report)
  local disk, message = console.disk(config.data_dir)
  if not disk then
    return report:warn("disk", message, "the portal makes DATA_DIR when it starts; nothing is to be done if it never ran here")
  end
  local said = ("%s free in %s"):format(megabytes(disk.free), config.data_dir)
  if not disk.writable then
    report:fail("disk", config.data_dir .. " cannot be written by this user", "chown it to the user that runs the portal")
  elseif disk.free < TOO_LITTLE then
    report:fail("disk", said, "make room: the portal refuses deployments when it cannot write its journal")
  elseif disk.free < LITTLE then
    report:warn("disk", said, "make room")
  else
    report:ok("disk", said)
  end
  if config.production and not disk.mounted then
    report:warn("volume", config.data_dir .. " is no file system of its own",
      "in a container: mount a volume there, or the next update loses the journal")
  elseif disk.mounted then
    report:ok("volume", config.data_dir .. " is a file system of its own")
  end
end

local SHORT = 16 -- characters: what is shorter can be guessed

local function look_admin(report)
  local token = config.secret "ADMIN_TOKEN"
  if not token then
    report:warn("admin", "there is no ADMIN_TOKEN: nobody can see all stacks", "set ADMIN_TOKEN or ADMIN_TOKEN_FILE")
  elseif #token < SHORT then
    report:warn("admin", ("ADMIN_TOKEN has fewer than %d characters: it can be guessed"):format(SHORT),
      "make one with: openssl rand -hex 32")
  end
end

-- The running portal sees who asks; see lib/http/client.lua.
local function look_proxy(report)
  local peer = shared.get "client.proxy"
  if not peer then return end
  report:warn("proxy", ("requests come through %s for others, who count as one client and hold one another up"):format(peer),
    "if that is your proxy, set TRUSTED_PROXIES to its address or network, such as 172.18.0.0/16")
end

return function(report)
  look_disk(report)
  look_proxy(report)
  if config.rehearsal then
    report:warn("rehearsal", "the portal works on the double of Dokploy; nothing real is deployed", "set DOKPLOY_URL")
  end
  look_admin(report)
end
