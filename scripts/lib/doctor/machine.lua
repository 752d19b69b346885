--- Checks this machine: the disk of the journal, the admin token, the proxy, the rehearsal.
local config = require "core.config"
local console = require "core.console"
local shared = require "core.shared"
local site = require "core.site"
local address = require "lib.base.address"
local forwarded = require "lib.base.forwarded"
local settings = require "lib.settings"

local LITTLE, TOO_LITTLE = 1 << 30, 100 << 20 -- bytes free

local function check_space(report, disk)
  local found = ("%d MB free in %s"):format(disk.free // 1000000, config.data_dir)
  if not disk.writable then
    report:fail("disk", config.data_dir .. " is not writable for this user",
      "chown it to the user that runs the portal")
  elseif disk.free < TOO_LITTLE then
    report:fail("disk", found,
      "make room: the portal refuses deployments when it cannot write its journal")
  elseif disk.free < LITTLE then
    report:warn("disk", found, "make room")
  else
    report:ok("disk", found)
  end
end

local function check_disk(report)
  local disk, message = console.disk(config.data_dir)
  if not disk then
    return report:warn("disk", message,
      "nothing to do if the portal never ran here: it creates DATA_DIR when it starts")
  end
  check_space(report, disk)
  if disk.mounted then
    report:ok("volume", config.data_dir .. " is a file system of its own")
  elseif config.production then
    report:warn("volume", config.data_dir .. " is not a file system of its own",
      "in a container: mount a volume there, or the next update loses the journal")
  end
end

-- The installation's own files, which the admin may change over the API and on the page. The portal
-- creates the folder when it first writes to it.
local function check_site(report)
  if config.site_edit == "off" then return end
  local disk = console.disk(site.folder) or console.disk(site.folder:match "^(.+)/" or "/")
  if disk and not disk.writable then
    report:warn("site", site.folder .. " is not writable for this user: a change of the scripts "
      .. "is in force only until a restart",
      "chown it to the user that runs the portal, or set SITE_EDIT=off if it comes from elsewhere")
  elseif disk and config.production and not disk.mounted then
    report:warn("site", site.folder .. " is not a file system of its own",
      "in a container: let SITE_DIR be on a volume, or the next update loses the scripts")
  end
end

-- As health.access_unopened of the locales, which a command cannot read.
local UNOPENED = "Only holders of an invite or a token can create workspaces, and there is nobody "
  .. "to hand them out: set ADMIN_TOKEN to invite people, or ACCESS=open to let everyone in."

local MAKE_SECRET = "make one with: openssl rand -hex 32"

local function is_short(secret)
  return settings.token_fault({ production = true }, secret) ~= nil
end

local function check_admin(report)
  local token = config.secret "ADMIN_TOKEN"
  if not token then
    report:warn("admin", config.access == "invite" and UNOPENED
      or "there is no ADMIN_TOKEN, so nobody can administer the portal",
      "set ADMIN_TOKEN or ADMIN_TOKEN_FILE")
  elseif is_short(token) then
    report:warn("admin", "ADMIN_TOKEN is short and can be guessed; production does not accept it",
      MAKE_SECRET)
  end
end

-- lib/auth/client.lua records an address that looks like an untrusted proxy.
local function check_proxy(report)
  local secret, peer = config.secret "PROXY_SECRET", shared.get(forwarded.untrusted)
  if secret and is_short(secret) then
    report:warn("trust", "PROXY_SECRET is short and can be guessed; production does not accept it",
      MAKE_SECRET)
  elseif not secret and #config.doubtful_proxies > 0 then
    report:fail("trust", ("TRUSTED_PROXIES names %s, where workspaces may be: it is not believed")
      :format(address.list_text(config.doubtful_proxies)), forwarded.cure)
  end
  if not peer then return end
  report:warn("trust", ("the clients of %s, which is not trusted, share their limits"):format(peer),
    "if it is your proxy: " .. forwarded.cure)
end

return function(report)
  check_disk(report)
  check_site(report)
  check_proxy(report)
  if config.rehearsal then
    report:warn("rehearsal", "the portal works on a simulated Dokploy; nothing real is deployed",
      "set DOKPLOY_URL")
  end
  check_admin(report)
end
