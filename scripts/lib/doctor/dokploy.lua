--- Checks Dokploy: is it reachable, which version is it, and may the portal's token do its work?
local config = require "core.config"
local console = require "core.console"
local http = require "lib.base.outgoing"
local clock = require "lib.base.clock"
local ask = require "lib.doctor.ask"
local dokploy = require "lib.dokploy"
local call = require "lib.dokploy.call"
local versions = require "lib.dokploy.version"

local client = dokploy.client { tries = 2 }
local OLDEST = { 0, 25, 0 }
local TRIED_FROM, TRIED_TO = versions.tried[1], versions.tried[#versions.tried]

local NEW_KEY = "make a new key in Dokploy (Settings, Profile, API keys; rate limit off) and set "
  .. "DOKPLOY_API_TOKEN or DOKPLOY_API_TOKEN_FILE"

local function check_version(report, text)
  local version = versions.read(text)
  if not version then
    report:warn("version", ("%q is not a known version"):format(text),
      "deploy and delete a workspace to try it")
  elseif versions.is_older(version, OLDEST) then
    report:fail("version", text .. " is too old: it has no environments",
      "upgrade Dokploy to " .. TRIED_TO)
  elseif versions.is_older(version, versions.read(TRIED_FROM)) then
    report:warn("version", ("%s is older than what this portal was tried with (%s to %s)")
      :format(text, TRIED_FROM, TRIED_TO), "upgrade Dokploy to " .. TRIED_TO)
  elseif versions.is_older(versions.read(TRIED_TO), version) then
    report:warn("version", ("%s is newer than what this portal was tried with (%s to %s)")
      :format(text, TRIED_FROM, TRIED_TO),
      "compare its answers, in the portal's source: make contract-live DOKPLOY_URL="
        .. config.dokploy.url .. " (docs/install.md)")
  else
    report:ok("version", text)
  end
end

local BURST = 12 -- calls; a key with Dokploy's default limit takes 5 a day

-- A key that was made without a word about it has a rate limit, which Dokploy shows to nobody.
local function has_no_limit(report)
  if report.is_silent then return true end -- the portal's own calls show it
  for i = 1, BURST do
    local _, _, code = client:version()
    if code == "dokploy_refused" then
      report:fail("token", ("refused after %d calls: it has a rate limit"):format(i), NEW_KEY)
      return false
    end
  end
  return true
end

local rights = {
  "canCreateProjects", "canCreateServices", "canDeleteProjects", "canDeleteServices",
}

local function check_rights(report)
  local member, message = ask "user.get"
  if type(member) ~= "table" then
    return report:warn("rights", "unknown: " .. tostring(message),
      "run it again; look at Dokploy's log")
  end
  if member.role == "owner" or member.role == "admin" then
    call.forget_denied()
    return report:ok("rights", "the token belongs to an " .. member.role)
  end
  local missing = {}
  for _, right in ipairs(rights) do
    if member[right] ~= true then missing[#missing + 1] = right end
  end
  if #missing > 0 then
    report:fail("rights", "the token's user may not: " .. table.concat(missing, ", "),
      "use a key of an owner or admin")
  else
    report:warn("rights", "the token belongs to a member; members lose access to projects that "
      .. "are created at the same time", "use a key of an owner or admin")
  end
end

local function check_concurrency(report)
  local set = ask "settings.getWebServerSettings"
  local slots = type(set) == "table" and set.buildsConcurrency or 1
  if slots > 1 then
    return report:ok("concurrency", ("Dokploy runs %d deployments at a time"):format(slots))
  end
  report:warn("concurrency", "Dokploy runs one deployment at a time: while it pulls a large image, "
    .. "all others wait", "raise it in Dokploy's settings (0.29.9 and later)")
end

local LARGEST_SKEW = 60 -- seconds

local function check_clock(report)
  local answer = http.request { url = config.dokploy.url .. "/api/health", timeout = 5 }
  local there = answer and clock.read_http_date(answer.headers.date)
  if not there then
    return report:warn("clock", "Dokploy's answer has no date to compare with",
      "compare by hand: date -u on both machines")
  end
  local skew = math.abs(os.time() - there)
  local found = ("differs from Dokploy's by %d s"):format(skew)
  if skew > LARGEST_SKEW then
    report:fail("clock", found, "synchronise both machines with NTP")
  else
    report:ok("clock", found)
  end
end

local function correction_of_silence()
  if config.rehearsal then
    return "start the rehearsal (make run), or set REHEARSAL_PORT to its port"
  end
  local check = "check DOKPLOY_URL, that Dokploy runs, and the firewall between the two"
  local ignored = console.env "https_proxy" or console.env "HTTPS_PROXY"
  if not ignored or config.outgoing_proxy then return check end
  return check .. "; https_proxy is not read: set OUTGOING_PROXY to go through a proxy"
end

local function check_outgoing(report)
  if not config.outgoing_proxy then return end
  report:ok("outgoing", ("calls go through %s; to Dokploy: %s"):format(config.outgoing_proxy,
    http.proxy_for(config.dokploy.url) and "as well" or "straight there"))
end

return function(report)
  check_outgoing(report)
  local url = config.dokploy.url
  local version, message, code, info = client:version()
  if code == "dokploy_refused" then
    report:ok("dokploy", url .. " answers")
    return report:fail("token", "Dokploy refuses it", NEW_KEY)
  elseif info and info.outage then
    report:ok("dokploy", url .. " answers")
    return report:fail("token", "refused, but Dokploy's own database fails",
      "start Dokploy's database; the token may be good")
  elseif not version then
    local found = ("%s: %s"):format(url, tostring(message))
    return report:fail("dokploy", found, correction_of_silence())
  end
  report:ok("dokploy", url .. " answers" .. (config.rehearsal and " (the rehearsal)" or ""))
  if not has_no_limit(report) then return end
  report:ok("token", "valid")
  check_version(report, version)
  check_rights(report)
  check_concurrency(report)
  check_clock(report)
end
