--- What becomes of pulling an image. Every image is there, but for those whose name says what is wrong with them:
---   missing, nope, nothere    no such image
---   localonly                 only on somebody's machine: the registry is not reached
---   :5999/                    a registry that is down
---   crash                     is there, but ends at once
---   slow, :5998/              is there, but takes 4 seconds
local crypto = require "core.crypto"

local images = {}

local function has(image, ...)
  for _, word in ipairs { ... } do
    if image:find(word, 1, true) then return true end
  end
  return false
end

local function refused(host)
  return ('Error response from daemon: Get "http://%s/v2/": dial tcp %s: connect: connection refused'):format(host, host)
end

-- What docker says when it cannot pull; nil when it can.
local function trouble(image)
  if has(image, "missing", "nope", "nothere") then
    return ("Error response from daemon: manifest for %s not found: manifest unknown: manifest unknown"):format(image)
  elseif has(image, ":5999/") then
    return refused(image:match "^[^/]+")
  elseif has(image, "localonly") then
    return 'Error response from daemon: Get "https://DOCKER-HUB-HOST/v2/": dial tcp: lookup DOCKER-HUB-HOST on RESOLVER: no such host'
  end
end

--- The lines that docker prints, and whether the image is there now.
---@return string[] lines, boolean ok
function images.pull(image)
  local problem = trouble(image)
  if problem then return { problem }, false end
  local name, tag = image:match "^(.-):([^:/]+)$"
  return {
    (tag or "latest") .. ": Pulling from " .. (name or image):gsub("^[^/]*[:%.][^/]*/", ""),
    "Digest: sha256:" .. crypto.sha256(image),
    "Status: Image is up to date for " .. image,
    image,
  }, true
end

--- What docker prints at a login, and whether it was let in.
---@return string[] lines, boolean ok
function images.login(registry, warns)
  if has(registry, ":5999") then return { refused(registry) }, false end
  if not warns then return { "Login Succeeded" }, true end
  return {
    "", "WARNING! Your credentials are stored unencrypted in '/root/.docker/config.json'.",
    "Configure a credential helper to remove this warning. See", "https://docs.docker.com/go/credential-store/", "", "Login Succeeded",
  }, true
end

function images.crashes(image)
  return has(image, "crash")
end

--- Seconds that the pull takes.
function images.seconds(image)
  return has(image, "slow", ":5998/") and 4 or 1
end

return images
