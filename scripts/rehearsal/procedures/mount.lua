--- mounts.* and dockerVolume.*: which volumes an application mounts, and removing a volume.
local database = require "rehearsal.database"
local errors = require "rehearsal.errors"
local rows = require "rehearsal.rows"
local swarm = require "rehearsal.swarm"
local version = require "rehearsal.version"

local procedures = {}

-- An unknown application: 400, not 404, with PostgreSQL's words.
local function refuse_unknown_application(input)
  if not version.is_new() then
    errors.bad('Error insert or update on table "mount" violates foreign key constraint'
      .. ' "mount_applicationId_application_applicationId_fk"')
  end
  errors.bad("Error " .. errors.failed_insert("mount", input))
end

-- The newer version answers with the mount, the older with true.
procedures["POST mounts.create"] = {
  input = {
    { "type", "choice", values = "bind volume file" },
    { "volumeName hostPath filePath content", "string", optional = true, nullable = true },
    { "mountPath serviceId", "string", min = 1 },
    { "serviceType", "choice", optional = true,
      values = "application postgres mysql mariadb mongo redis compose",
      values_new = "application postgres mysql mariadb mongo redis compose libsql" },
  },
  run = function(input)
    input.applicationId, input.serviceId = input.serviceId, nil
    if not database.get("application", input.applicationId) then
      refuse_unknown_application(input)
    end
    local mount = rows.insert("mount", input)
    return version.is_new() and rows.show(mount) or true
  end,
}

-- The volume stays, and so does the running container's mount.
procedures["POST mounts.remove"] = {
  input = { { "mountId", "string" } },
  run = function(input)
    local mount = errors.find("mount", input.mountId)
    database.delete(mount)
    return rows.show(mount)
  end,
}

local function command_failed(name, message)
  local text = "Command execution failed: Command failed: docker volume rm %s\n"
    .. "Error response from daemon: %s\n"
  errors.raise("INTERNAL_SERVER_ERROR", text:format(name, message:format(name)))
end

procedures["POST dockerVolume.removeVolume"] = {
  new_only = true,
  input = {
    { "volumeName", "string", pattern = "^%w[%w_.-]*$" },
    { "serverId", "string", optional = true },
  },
  run = function(input)
    local name = input.volumeName
    local volume = database.get("volume", name)
    if not volume then command_failed(name, "get %s: no such volume") end
    if swarm.is_volume_in_use(name) then command_failed(name, "remove %s: volume is in use") end
    database.delete(volume)
  end,
}

return procedures
