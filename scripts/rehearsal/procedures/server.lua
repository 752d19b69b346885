--- server.*, settings.* and user.*: the machines, which Dokploy this is, and whose key is used.
local database = require "rehearsal.database"
local json = require "core.json"
local rows = require "rehearsal.rows"
local version = require "rehearsal.version"

local procedures = {}

local null = json.null

-- A machine beside the double's own. It exists in name only: a deployment to it fails at once.
procedures["POST server.create"] = {
  input = {
    { "name ipAddress username", "string" },
    { "description", "string", optional = true, nullable = true },
    { "port", "number" },
    { "sshKeyId", "string", nullable = true },
    { "serverType", "choice", values = "deploy build" },
  },
  run = function(input)
    input.appName = "server-index-virtual-panel-" .. database.letters(6)
    input.organizationId = rows.organization_id
    input.enableDockerCleanup = version.is_new()
    return rows.show(rows.insert("server", input))
  end,
}

procedures["GET server.all"] = {
  run = function()
    return rows.list(database.list "server", function(server)
      local applications = database.list("application", { serverId = server.serverId })
      return rows.show(server, { totalSum = #applications })
    end)
  end,
}

-- The machines that applications can be deployed to.
procedures["GET server.withSSHKey"] = {
  run = function()
    return rows.list(database.list("server", { serverType = "deploy" }), rows.show)
  end,
}

-- The older version does not ask its database.
procedures["GET settings.health"] = {
  run = function() return { status = version.is_new() and "ok" or "not_cloud" } end,
}

procedures["GET settings.getDokployVersion"] = {
  run = function() return "v" .. version.name() end,
}

procedures["GET settings.getWebServerSettings"] = {
  run = function()
    local concurrency = version.is_new() and 1 or nil
    return { id = "rehearsal", host = null, https = false, buildsConcurrency = concurrency }
  end,
}

-- The flags count for members only.
procedures["GET user.get"] = {
  run = function(_, role)
    return {
      id = "rehearsal-member", organizationId = rows.organization_id, userId = "rehearsal-user",
      role = role, canCreateProjects = false, canCreateServices = false,
      canDeleteProjects = false, canDeleteServices = false,
    }
  end,
}

return procedures
