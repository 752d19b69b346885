--- Whether a registry has an image, and gives it to us: the question that Docker asks before it pulls.
local config = require "core.config"
local crypto = require "core.crypto"
local http = require "core.http"
local json = require "core.json"

local ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
  .. "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"

-- "registry.example.com:5000/team/stack:1" in its parts; nil without a registry's host.
local function parts_of(image)
  local host, rest = image:match("^([^/]+)/(.+)$")
  if not host or not host:find("[.:]") and host ~= "localhost" then return nil end
  local name, reference = rest:match("^(.-)@(.+)$")
  if not name then name, reference = rest:match("^(.-):([^:/]+)$") end
  return { host = host, name = name or rest, reference = reference or "latest" }
end

local function scheme_of(host) return (host:find("^localhost") or host:find("^127%.")) and "http" or "https" end

local function basic(registry)
  local password = registry.username and config.secret "STACK_REGISTRY_PASSWORD"
  return password and "Basic " .. crypto.base64(registry.username .. ":" .. password) or nil
end

local function escaped(text)
  return (text:gsub("[^%w._~:/,-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- The way of the registries with a token: 'Bearer realm="...",service="...",scope="..."'.
local function token(challenge, registry)
  local realm = challenge:match('realm="([^"]+)"')
  if not realm or not realm:find("^https://") then return nil end
  local query = {}
  for key, value in challenge:gmatch('(%w+)="([^"]*)"') do
    if key ~= "realm" then query[#query + 1] = key .. "=" .. escaped(value) end
  end
  local url = realm .. "?" .. table.concat(query, "&")
  local answer = http.request { url = url, timeout = 10, headers = { Authorization = basic(registry) } }
  local body = answer and json.decode(answer.body)
  return type(body) == "table" and (body.token or body.access_token) or nil
end

local function ask(parts, authorization)
  return http.request {
    url = ("%s://%s/v2/%s/manifests/%s"):format(scheme_of(parts.host), parts.host, parts.name, parts.reference),
    method = "HEAD", -- a GET counts as a pull where pulls are counted
    timeout = 10, headers = { Accept = ACCEPT, Authorization = authorization },
  }
end

local function manifest(parts, registry)
  local answer, message = ask(parts, basic(registry))
  if not answer then return nil, message end
  local challenge = answer.status == 401 and answer.headers["www-authenticate"] or ""
  if challenge:find("^[Bb]earer") then
    local word = token(challenge, registry)
    if word then answer, message = ask(parts, "Bearer " .. word) end
  end
  return answer, message
end

return function(report, image, registry)
  local parts = parts_of(image)
  if not parts then return report:warn("image", image .. " names no registry; it was not looked for", "deploy one stack to see") end
  local answer, message = manifest(parts, registry)
  if not answer then
    report:warn("image", ("the registry %s does not answer from here: %s"):format(parts.host, message),
      "it must answer Dokploy's machine, not this one")
  elseif answer.status == 200 then
    report:ok("image", image .. " is there")
    if parts.reference == "latest" then
      report:warn("image", "its tag is latest: nobody knows what that will be", "pin a version or a digest")
    end
  elseif answer.status == 401 or answer.status == 403 then
    report:fail("image", "the registry asks for a login", "set STACK_REGISTRY_USERNAME and STACK_REGISTRY_PASSWORD(_FILE)")
  elseif answer.status == 404 then
    report:fail("image", image .. " is not there", "push it, or set STACK_IMAGE to one that is")
  else
    report:warn("image", ("the registry %s answers %d"):format(parts.host, answer.status), "look at the registry; deploy one stack to see")
  end
end
