--- Dokploy: can it be reached, what is it, and may the portal's token do what the portal does there?
local config = require "core.config"
local http = require "core.http"
local clock = require "lib.base.http_date"
local ask = require "lib.doctor.ask"
local dokploy = require "lib.dokploy"

local client = dokploy.client { tries = 2 }
local OLDEST, TRIED_FROM, TRIED_TO = { 0, 25, 0 }, { 0, 26, 5 }, { 0, 30, 2 }

-- A missing database looks like a wrong token from outside. This one call needs no token, and fails when the database does.
local function refused(report)
  local answer = http.request { url = config.dokploy.url .. "/api/trpc/settings.health", timeout = 5 }
  if answer and answer.status >= 500 then
    report:fail("token", "refused, but Dokploy's own database fails", "start Dokploy's database; the token may be good")
  else
    report:fail("token", "Dokploy refuses it",
      "make a new key in Dokploy (Settings, Profile, API keys; rate limit off) and set DOKPLOY_API_TOKEN or DOKPLOY_API_TOKEN_FILE")
  end
end

local function newer(a, b)
  for i = 1, 3 do
    if a[i] ~= b[i] then return a[i] > b[i] end
  end
  return false
end

local function look_version(report, text)
  local version = { text:match("^v?(%d+)%.(%d+)%.(%d+)") }
  if #version == 0 then
    return report:warn("version", ("%q is no version that is known"):format(text), "deploy and delete a stack to see")
  end
  for i = 1, 3 do version[i] = tonumber(version[i]) end
  if newer(OLDEST, version) then
    report:fail("version", text .. " is too old: it has no environments", "upgrade Dokploy to 0.26.5 or later")
  elseif newer(TRIED_FROM, version) or newer(version, TRIED_TO) then
    report:warn("version", text .. " was not tried with this portal (tried: 0.26.5 to 0.30.2)", "deploy and delete a stack to see")
  else
    report:ok("version", text)
  end
end

local rights = { "canCreateProjects", "canCreateServices", "canDeleteProjects", "canDeleteServices" }

local function look_rights(report)
  local member, message = ask "user.get"
  if type(member) ~= "table" then
    return report:warn("rights", "could not be read: " .. tostring(message), "run it again; look at Dokploy's log")
  end
  if member.role == "owner" or member.role == "admin" then return report:ok("rights", "the token is of an " .. member.role) end
  local missing = {}
  for _, right in ipairs(rights) do
    if member[right] ~= true then missing[#missing + 1] = right end
  end
  if #missing > 0 then
    report:fail("rights", "the token's user may not: " .. table.concat(missing, ", "), "use a key of an owner or admin")
  else
    report:warn("rights", "the token is of a member; members lose sight of what is created side by side", "use a key of an owner or admin")
  end
end

local function look_concurrency(report)
  local set = ask "settings.getWebServerSettings"
  local places = type(set) == "table" and set.buildsConcurrency or 1
  if places > 1 then return report:ok("concurrency", ("Dokploy runs %d deployments at once"):format(places)) end
  report:warn("concurrency", "Dokploy runs one deployment at a time: whoever pulls a large image makes the others wait",
    "raise it in Dokploy's settings (0.29.9 and later)")
end

local function look_clock(report)
  local answer = http.request { url = config.dokploy.url .. "/api/health", timeout = 5 }
  local there = answer and clock.read(answer.headers.date)
  if not there then
    return report:warn("clock", "Dokploy says no time to compare with", "compare by hand: date -u on both machines")
  end
  local apart = math.abs(os.time() - there)
  if apart > 60 then
    report:fail("clock", ("%d s apart from Dokploy's"):format(apart), "let both machines take their time from NTP")
  else
    report:ok("clock", ("%d s apart from Dokploy's"):format(apart))
  end
end

return function(report)
  local url = config.dokploy.url
  local version, message, code = client:version()
  if code == "dokploy_refused" then
    report:ok("dokploy", url .. " answers")
    return refused(report)
  elseif not version then
    return report:fail("dokploy", ("%s: %s"):format(url, tostring(message)),
      "is DOKPLOY_URL right, does Dokploy run, does a firewall stand between?")
  end
  report:ok("dokploy", url .. " answers" .. (config.rehearsal and " (the rehearsal)" or ""))
  report:ok("token", "valid")
  look_version(report, version)
  look_rights(report)
  look_concurrency(report)
  look_clock(report)
end
