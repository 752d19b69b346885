--- Checks whether a registry serves an image to us, as Docker does before it pulls.
local config = require "core.config"
local crypto = require "core.crypto"
local http = require "lib.base.outgoing"
local json = require "core.json"
local image = require "lib.base.image"

local ACCEPT = table.concat({
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
}, ", ")

local HUB_HOST = "registry-1.docker.io" -- serves the images of Docker Hub

local function url_of(parts)
  local scheme = image.is_loopback(parts.host) and "http" or "https"
  return ("%s://%s/v2/%s/manifests/%s"):format(scheme,
    parts.host == image.hub and HUB_HOST or parts.host, parts.path,
    parts.digest or parts.tag or "latest")
end

local function basic_authorization(registry)
  local password = registry.username and config.secret "STACK_REGISTRY_PASSWORD"
  return password and "Basic " .. crypto.base64(registry.username .. ":" .. password) or nil
end

local function escape(text)
  return (text:gsub("[^%w._~:/,-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- Registries that use tokens challenge with: Bearer realm="...",service="...",scope="..."
-- A token, or nil and what is wrong.
local function fetch_token(challenge, parts, registry)
  local realm = challenge:match('realm="([^"]+)"')
  local host = realm and realm:lower():match "^https://([^/?#@%s]+)[^@%s]*$"
  if not host then return nil end
  local authorization = basic_authorization(registry)
  local registry_host = parts.host == image.hub and HUB_HOST or parts.host
  if authorization and not image.is_of_site(host, registry_host) then
    return nil, ("sends logins to %s, which is not of its site and does not get the password")
      :format(host)
  end
  local query = {}
  for key, value in challenge:gmatch('(%w+)="([^"]*)"') do
    if key ~= "realm" then query[#query + 1] = key .. "=" .. escape(value) end
  end
  local answer = http.request {
    url = realm .. "?" .. table.concat(query, "&"), timeout = 10,
    headers = { Authorization = authorization },
  }
  local body = answer and json.decode(answer.body)
  return type(body) == "table" and (body.token or body.access_token) or nil
end

local function request_manifest(parts, authorization)
  return http.request {
    url = url_of(parts), method = "HEAD", -- a GET counts against pull limits
    timeout = 10, headers = { Accept = ACCEPT, Authorization = authorization },
  }
end

local function fetch_manifest(parts, registry)
  local answer, message = request_manifest(parts, basic_authorization(registry))
  if not answer then return nil, "does not answer from here: " .. message end
  local challenge = answer.status == 401 and answer.headers["www-authenticate"] or ""
  if not challenge:find "^[Bb]earer" then return answer end
  local token, fault = fetch_token(challenge, parts, registry)
  if fault then return nil, fault end
  if not token then return answer end
  answer, message = request_manifest(parts, "Bearer " .. token)
  return answer, answer and "" or "does not answer from here: " .. message
end

-- The registry wants a login: another one, or one at all.
local function report_denied(report, name, registry)
  local username = registry.username
  if not username then
    return report:fail("image", "the registry requires a login",
      "set STACK_REGISTRY_USERNAME and STACK_REGISTRY_PASSWORD(_FILE)")
  end
  report:fail("image", ("the registry refuses the login of %s"):format(username),
    ("check STACK_REGISTRY_USERNAME and STACK_REGISTRY_PASSWORD(_FILE), and that this user may "
      .. "read %s"):format(name))
end

return function(report, name, registry)
  local parts = image.parse(name)
  local answer, message = fetch_manifest(parts, registry)
  local status = answer and answer.status
  if not answer then
    local found = ("the registry %s %s"):format(parts.host, message)
    report:warn("image", found, "check it on Dokploy's machine: docker pull " .. name)
  elseif status == 200 then
    report:ok("image", name .. " exists")
    if not parts.digest and parts.tag == "latest" then
      report:warn("image", "its tag is latest, which may be another image tomorrow",
        "pin a version or a digest")
    end
  elseif status == 401 or status == 403 then
    report_denied(report, name, registry)
  elseif status == 404 then
    report:fail("image", name .. " does not exist", "push it, or correct STACK_IMAGE")
  else
    report:warn("image", ("the registry %s answers %d"):format(parts.host, status),
      "look at the registry; deploy a workspace to try it")
  end
end
