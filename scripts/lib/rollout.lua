--- One image takes the place of another, or the other comes back.
local release = require "lib.release"
local rollout = {}

local function bring(report, application, where, to, seconds)
  local deadline = os.time() + seconds
  local done, message = release.deploy(application, to.image, deadline)
  if not done then return nil, message end
  report:ok("deploy", ("Dokploy has started %s"):format(to.image))
  local ready, seen = release.wait(where, to.release, deadline)
  if not ready then return nil, ("%s was not ready in %d s; last seen: %s"):format(to.release, seconds, seen) end
  report:ok("ready", ("%s answers at %s/ready"):format(to.release, where.url))
  return true
end

-- What to go back to: what runs now, by the name it gives itself.
local function before(application, where)
  local image = type(application.dockerImage) == "string" and application.dockerImage ~= "" and application.dockerImage or nil
  if not image then return nil end
  local answer = release.ask(where)
  for _, entry in ipairs(release.history(application)) do
    if entry.image == image then return entry end
  end
  local word = answer and answer.release or release.word_of(image)
  return word and { image = image, release = word }
end

local function back(report, application, where, old, seconds)
  if not old then
    report:fail("rollback", "there is nothing to go back to", "roll out an image that works")
    return
  end
  report:warn("rollback", "going back to " .. old.image)
  local good, message = bring(report, application, where, old, seconds)
  if not good then
    report:fail("rollback", message, "look at the container's log in Dokploy; the portal may be down")
  else
    report:ok("rollback", ("%s is in force again"):format(old.release))
  end
end

--- Brings `to` {image, release} into force, waits until it is ready, and goes back by itself when it is not.
---@param options { name: string, url: string|nil, connect_to: string|nil, seconds: number }
---@return integer status
function rollout.run(report, to, options)
  local application, message = release.find(options.name)
  if not application then
    report:fail("portal", message, "deployer bootstrap makes it")
    return report:status()
  end
  local where = { url = options.url or release.url(application), connect_to = options.connect_to }
  if not where.url then
    report:fail("address", "the application has no domain", "give --url, or run deployer bootstrap --domain")
    return report:status()
  end
  local old = before(application, where)
  report:ok("portal", ("%s, in force: %s"):format(where.url, old and old.image or "nothing yet"))
  local good, why = bring(report, application, where, to, options.seconds)
  if good then
    if old then release.remember(application, old.image, old.release) end
    local kept, trouble = release.remember(application, to.image, to.release)
    if not kept then report:warn("history", "Dokploy did not note the release as good: " .. tostring(trouble)) end
  else
    report:fail("rollout", why)
    back(report, application, where, old, options.seconds)
  end
  return report:status()
end

return rollout
