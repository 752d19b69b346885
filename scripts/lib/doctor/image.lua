--- Checks whether a registry serves an image to us, as Docker does before it pulls.
local config = require "core.config"
local crypto = require "core.crypto"
local http = require "core.http"
local json = require "core.json"

local ACCEPT = table.concat({
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
}, ", ")

-- The parts of "registry.example.com:5000/team/stack:1"; nil when it names no registry.
local function parts_of(image)
  local host, rest = image:match("^([^/]+)/(.+)$")
  if not host or not host:find("[.:]") and host ~= "localhost" then return nil end
  local name, reference = rest:match("^(.-)@(.+)$")
  if not name then name, reference = rest:match("^(.-):([^:/]+)$") end
  return { host = host, name = name or rest, reference = reference or "latest" }
end

local function scheme_of(host)
  return (host:find("^localhost") or host:find("^127%.")) and "http" or "https"
end

local function basic_authorization(registry)
  local password = registry.username and config.secret "STACK_REGISTRY_PASSWORD"
  return password and "Basic " .. crypto.base64(registry.username .. ":" .. password) or nil
end

local function escape(text)
  return (text:gsub("[^%w._~:/,-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- Registries that use tokens challenge with: Bearer realm="...",service="...",scope="..."
local function fetch_token(challenge, registry)
  local realm = challenge:match('realm="([^"]+)"')
  if not realm or not realm:find("^https://") then return nil end
  local query = {}
  for key, value in challenge:gmatch('(%w+)="([^"]*)"') do
    if key ~= "realm" then query[#query + 1] = key .. "=" .. escape(value) end
  end
  local answer = http.request {
    url = realm .. "?" .. table.concat(query, "&"), timeout = 10,
    headers = { Authorization = basic_authorization(registry) },
  }
  local body = answer and json.decode(answer.body)
  return type(body) == "table" and (body.token or body.access_token) or nil
end

local function request_manifest(parts, authorization)
  return http.request {
    url = ("%s://%s/v2/%s/manifests/%s"):format(scheme_of(parts.host), parts.host, parts.name,
      parts.reference),
    method = "HEAD", -- a GET counts against pull limits
    timeout = 10, headers = { Accept = ACCEPT, Authorization = authorization },
  }
end

local function fetch_manifest(parts, registry)
  local answer, message = request_manifest(parts, basic_authorization(registry))
  if not answer then return nil, message end
  local challenge = answer.status == 401 and answer.headers["www-authenticate"] or ""
  local token = challenge:find("^[Bb]earer") and fetch_token(challenge, registry)
  if token then answer, message = request_manifest(parts, "Bearer " .. token) end
  return answer, message
end

return function(report, image, registry)
  local parts = parts_of(image)
  if not parts then
    return report:warn("image", image .. " names no registry, so it was not looked up",
      "deploy a workspace to try it")
  end
  local answer, message = fetch_manifest(parts, registry)
  local status = answer and answer.status
  if not answer then
    local found = ("the registry %s does not answer from here: %s"):format(parts.host, message)
    report:warn("image", found, "check that it answers Dokploy's machine")
  elseif status == 200 then
    report:ok("image", image .. " exists")
    if parts.reference == "latest" then
      report:warn("image", "its tag is latest, which may be another image tomorrow",
        "pin a version or a digest")
    end
  elseif status == 401 or status == 403 then
    report:fail("image", "the registry requires a login",
      "set STACK_REGISTRY_USERNAME and STACK_REGISTRY_PASSWORD(_FILE)")
  elseif status == 404 then
    report:fail("image", image .. " does not exist", "push it, or correct STACK_IMAGE")
  else
    report:warn("image", ("the registry %s answers %d"):format(parts.host, status),
      "look at the registry; deploy a workspace to try it")
  end
end
