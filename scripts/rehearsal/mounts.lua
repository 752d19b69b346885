--- mounts.*
local application = require "rehearsal.application"
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local swarm = require "rehearsal.swarm"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local types = { "bind", "volume", "file" }
local services = { "application", "postgres", "mysql", "mariadb", "mongo", "redis", "compose" }
local newer_services = { "application", "postgres", "mysql", "mariadb", "mongo", "redis", "compose", "libsql" }

local function no_such_service(input)
  if not version.new() then
    errors.bad 'Error insert or update on table "mount" violates foreign key constraint "mount_applicationId_application_applicationId_fk"'
  end
  local columns = [[mountId type hostPath volumeName filePath content serviceType mountPath applicationId composeId libsqlId mariadbId
    mongoId mysqlId postgresId redisId]]
  local row = { mountId = model.id(), type = input.type, volumeName = input.volumeName, serviceType = "application",
    mountPath = input.mountPath, applicationId = input.serviceId }
  errors.bad("Error " .. errors.failed_insert("mount", columns, row))
end

local create_input = {
  type = v.choice { values = types },
  hostPath = v.text { optional = true, null = true },
  volumeName = v.text { optional = true, null = true },
  content = v.text { optional = true, null = true },
  mountPath = v.text { min = 1 },
  filePath = v.text { optional = true, null = true },
  serviceType = v.choice { optional = true, values = services, new_values = newer_services },
  serviceId = v.text { min = 1 },
}

-- The newer version answers with the mount, the older with true.
procedures.mutation("mounts.create", create_input, function(input, who)
  rights.service_if_new(who, input.serviceId)
  if not model.get("application", input.serviceId) then no_such_service(input) end
  local mount = model.new("mount", rows.mount {
    type = input.type, hostPath = input.hostPath, volumeName = input.volumeName, content = input.content, filePath = input.filePath,
    mountPath = input.mountPath, serviceType = input.serviceType or "application", applicationId = input.serviceId,
  })
  return version.new() and rows.show(mount) or true
end)

local function find(id)
  return model.get("mount", id) or errors.not_found "Mount"
end

-- A mount with the service that it belongs to, and null for those that it does not.
local function with_service(mount)
  local found = model.get("application", mount.applicationId)
  local environment = model.get("environment", found.environmentId)
  local shown = rows.pick(found, "serverId appName")
  shown.environment = { project = rows.pick(model.get("project", environment.projectId), "organizationId") }
  local fields = { application = shown }
  for name in pairs(rows.no_services()) do fields[name] = json.null end
  return rows.show(mount, fields)
end

procedures.query("mounts.one", { mountId = v.text {} }, function(input)
  return with_service(find(input.mountId))
end)

local update_input = {
  mountId = v.text {},
  type = v.choice { optional = true, values = types },
  hostPath = v.text { optional = true, null = true },
  volumeName = v.text { optional = true, null = true },
  filePath = v.text { optional = true, null = true },
  content = v.text { optional = true, null = true },
  mountPath = v.text { optional = true },
}

-- It answers with the mount as it was before.
procedures.mutation("mounts.update", update_input, function(input)
  local mount = find(input.mountId)
  local before = with_service(mount)
  for name, value in pairs(input) do mount[name] = value end
  model.touch(mount)
  return before
end)

procedures.mutation("mounts.remove", { mountId = v.text {} }, function(input)
  local mount = find(input.mountId)
  model.delete(mount)
  return rows.show(mount)
end)

-- What the running container has; nothing before the first deployment.
procedures.query("mounts.allNamedByApplicationId", { applicationId = v.text { min = 1 } }, function(input)
  local service = swarm.service(application.find(input.applicationId).appName)
  if not service or not service.live then return nil end
  return rows.list(service.live.volumes, function(volume)
    return {
      Type = "volume", Name = volume.name, Source = ("/var/lib/docker/volumes/%s/_data"):format(volume.name), Destination = volume.path,
      Driver = "local", Mode = "z", RW = true, Propagation = "",
    }
  end)
end)

local list_input = { serviceType = v.text { min = 1 }, serviceId = v.text { min = 1 } }

procedures.query("mounts.listByServiceId", list_input, function(input, who)
  rights.service_if_new(who, input.serviceId)
  application.find(input.serviceId)
  return rows.list(model.list("mount", { applicationId = input.serviceId }), rows.show)
end, { new = true })

return true
