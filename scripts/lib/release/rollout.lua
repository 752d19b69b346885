--- One image takes the place of another, or the other comes back.
local release = require "lib.release"
local rollout = {}

local function bring(report, application, where, to, seconds)
  local deadline = os.time() + seconds
  release.wait_out(deadline)
  local done, message = release.deploy(application, to.image, deadline)
  if not done then return nil, message end
  report:ok("deploy", ("Dokploy has started %s"):format(to.image))
  local ready, seen = release.wait(where, to.release, deadline)
  if not ready then return nil, ("%s was not ready in %d s; last seen: %s"):format(to.release, seconds, seen) end
  report:ok("ready", ("%s answers at %s/ready"):format(to.release, where.url))
  return true
end

-- What to go back to. Docker may have gone back by itself while Dokploy names another image: so of the good ones that one counts which
-- answers; else the one that Dokploy names. An image that was never found good is, when what answers calls itself by its tag.
local function before(application, where)
  local image, good = application.dockerImage, release.history(application)
  local answer = release.ask(where)
  local word, named, answering = answer and answer.status == 200 and answer.release or nil, nil, nil
  for _, entry in ipairs(good) do
    if entry.image == image then named = entry end
    if entry.release == word then answering = answering or entry end
  end
  if named and (not answering or named.release == word) then return named end
  if answering then return answering end
  if word and word == (release.word_of(image) or word) then return { image = image, release = word } end
  return good[1]
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
  local application, message, code = release.find(options.name)
  if not application then
    report:fail("portal", message, code and "deployer doctor says more" or "deployer bootstrap makes it")
    return report:status()
  end
  local where = { url = options.url or release.url(application), connect_to = options.connect_to }
  if not where.url then
    report:fail("address", "the application has no domain", "give --url, or run deployer bootstrap --domain")
    return report:status()
  end
  local old = before(application, where)
  report:ok("portal", ("%s, in force: %s"):format(where.url, old and old.release or "nothing that is good"))
  local good, why = bring(report, application, where, to, options.seconds)
  if good then
    release.wait_out(os.time() + 60)
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
