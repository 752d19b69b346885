--- What Docker prints when it pulls an image. Every image exists and runs, unless its name contains
---   missing, nope, nothere    the registry does not have it
---   denied                    the registry does not let this login read it
---   localonly                 the registry cannot be resolved
---   :5999/                    the registry is down
---   crash                     its container exits at once
---   slow, :5998/              its pull takes 4 seconds
local crypto = require "core.crypto"

local images = {}

local function has(image, ...)
  for _, word in ipairs { ... } do
    if image:find(word, 1, true) then return true end
  end
  return false
end

local function refused(host)
  return ('Error response from daemon: Get "http://%s/v2/": dial tcp %s: connect: '
    .. "connection refused"):format(host, host)
end

-- Docker's message when it cannot pull; nil when it can.
local function problem_of(image)
  if has(image, "missing", "nope", "nothere") then
    return ("Error response from daemon: manifest for %s not found: manifest unknown:"
      .. " manifest unknown"):format(image)
  elseif has(image, "denied") then
    return ("Error response from daemon: pull access denied for %s, repository does not exist or"
      .. " may %s 'docker login': denied: requested access to the resource is denied")
      :format(image, "require")
  elseif has(image, ":5999/") then
    return refused(image:match "^[^/]+")
  elseif has(image, "localonly") then
    return 'Error response from daemon: Get "https://DOCKER-HUB-HOST/v2/": dial tcp:'
      .. " lookup DOCKER-HUB-HOST on RESOLVER: no such host"
  end
end

--- The lines of `docker pull`, and whether the image is there now.
---@return string[] lines, boolean is_there
function images.pull(image)
  local problem = problem_of(image)
  if problem then return { problem }, false end
  local name, tag = image:match "^(.-):([^:/]+)$"
  local repository = (name or image):gsub("^[^/]*[:%.][^/]*/", "")
  return {
    (tag or "latest") .. ": Pulling from " .. repository,
    "Digest: sha256:" .. crypto.sha256(image),
    "Status: Image is up to date for " .. image,
    image,
  }, true
end

--- The lines of `docker login`, and whether it succeeded.
---@param registry string
---@param warns boolean  as newer versions of Docker do
---@return string[] lines, boolean succeeded
function images.login(registry, warns)
  if has(registry, ":5999") then return { refused(registry) }, false end
  if not warns then return { "Login Succeeded" }, true end
  return {
    "",
    "WARNING! Your credentials are stored unencrypted in '/root/.docker/config.json'.",
    "Configure a credential helper to remove this warning. See",
    "https://docs.docker.com/go/credential-store/",
    "",
    "Login Succeeded",
  }, true
end

---@return boolean
function images.crashes(image)
  return has(image, "crash")
end

--- Seconds that a pull takes.
---@return number
function images.pull_seconds(image)
  return has(image, "slow", ":5998/") and 4 or 1
end

return images
