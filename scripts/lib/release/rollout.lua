--- Replaces the portal's image by another, and goes back when the new one does not become ready.
local release = require "lib.release"
local rollout = {}

local SECONDS = 180 -- time to become ready, unless the admin says otherwise

local function deploy_and_wait(report, application, where, target, seconds)
  local deadline = os.time() + seconds
  release.tolerate_outages(deadline)
  local done, message = release.deploy(application, target.image, deadline)
  if not done then return nil, message end
  report:ok("deploy", "Dokploy has started " .. target.image)
  local ready, seen = release.wait(where, target.release, deadline)
  if not ready then
    return nil, ("%s was not ready in %d s; last seen: %s"):format(target.release, seconds, seen)
  end
  report:ok("ready", ("%s answers at %s/ready"):format(target.release, where.url))
  return true
end

-- The release to go back to. Docker may have gone back by itself while Dokploy names another image:
-- a good release that answers wins over the one that Dokploy names. An image without a history is
-- good when what answers shows its tag.
local function current_release(application, where)
  local image, history = application.dockerImage, release.history(application)
  local answer = release.probe(where)
  local name = answer and answer.status == 200 and answer.release or nil
  local named, answering
  for _, entry in ipairs(history) do
    if entry.image == image then named = entry end
    if entry.release == name then answering = answering or entry end
  end
  if named and (not answering or named.release == name) then return named end
  if answering then return answering end
  if name and name == (release.name_of(image) or name) then
    return { image = image, release = name }
  end
  return history[1]
end

-- Nothing is deployed where the old release still runs, or Docker has gone back to it by itself.
local function go_back(report, application, where, old, seconds)
  if not old then
    return report:fail("rollback", "there is no previous release", "roll out an image that works")
  end
  local done, message, outcome
  if release.is_in_force(application, where, old.release) then
    outcome = " is still in force"
    done, message = release.set_image(application, old.image)
  else
    report:warn("rollback", "going back to " .. old.image)
    outcome = " is in force again"
    done, message = deploy_and_wait(report, application, where, old, seconds)
  end
  if done then
    report:ok("rollback", old.release .. outcome)
  else
    report:fail("rollback", message,
      "look at the container's log in Dokploy; the portal may be down")
  end
end

local function remember(report, application, old, new)
  release.tolerate_outages(os.time() + 60)
  if old then release.remember(application, old) end
  local kept, message = release.remember(application, new)
  if not kept then
    report:warn("history", "Dokploy did not record the release as good: " .. tostring(message))
  end
end

--- Deploys `target`, waits until it is ready, and goes back by itself when it is not. Waits.
---@param report table  of lib/doctor/report.lua
---@param target { image: string, release: string }
---@param options { name: string|nil, url: string|nil, ["connect-to"]: string|nil,
---  seconds: number|nil }
---@return integer status  exit status of the command
function rollout.run(report, target, options)
  local application = release.find_or_report(options.name, report)
  if not application then return report:status() end
  local where = {
    url = options.url or release.url(application), connect_to = options["connect-to"],
  }
  if not where.url then
    report:fail("address", "the application has no domain",
      "give --url, or run deployer bootstrap --domain")
    return report:status()
  end
  local seconds = options.seconds or SECONDS
  local old = current_release(application, where)
  local in_force = old and old.release or "no good release"
  report:ok("portal", ("%s, in force: %s"):format(where.url, in_force))
  local done, message = deploy_and_wait(report, application, where, target, seconds)
  if done then
    remember(report, application, old, target)
  else
    report:fail("rollout", message)
    go_back(report, application, where, old, seconds)
  end
  return report:status()
end

return rollout
