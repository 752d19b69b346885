--- server.*, sshKey.*, registry.*: other machines, which the double has only in name
local clock = require "rehearsal.clock"
local errors = require "rehearsal.errors"
local json = require "core.json"
local model = require "rehearsal.model"
local procedures = require "rehearsal.procedures"
local rights = require "rehearsal.rights"
local rows = require "rehearsal.rows"
local v = require "rehearsal.validate"
local version = require "rehearsal.version"

local key_input = {
  name = v.text { min = 1 },
  description = v.text { optional = true, null = true },
  privateKey = v.text {},
  publicKey = v.text {},
  organizationId = v.text {},
}

procedures.mutation("sshKey.create", key_input, function(input)
  input.createdAt, input.lastUsedAt = model.now(), json.null
  model.new("ssh_key", input)
end)

procedures.query("sshKey.all", {}, function()
  return rows.list(model.list "ssh_key", rows.show)
end)

local server_input = {
  name = v.text { min = 1 },
  description = v.text { optional = true, null = true },
  ipAddress = v.text {},
  port = v.number {},
  username = v.text {},
  sshKeyId = v.text { null = true },
  serverType = v.choice { values = { "deploy", "build" } },
}

procedures.mutation("server.create", server_input, function(input, who)
  local row = rows.server(input)
  row.appName, row.organizationId = "server-index-virtual-panel-" .. model.letters(6), who.organizationId
  return rows.show(model.new("server", row))
end)

procedures.query("server.all", {}, function(_, who)
  if version.new() then rights.need(who, "canAccessToServers", "server") end
  return rows.list(model.list "server", function(server)
    return rows.show(server, { totalSum = #model.list("application", { serverId = server.serverId }) })
  end)
end)

procedures.query("server.withSSHKey", {}, function()
  return rows.list(model.list("server", { serverType = "deploy" }), rows.show)
end)

procedures.query("server.buildServers", {}, function()
  return rows.list(model.list("server", { serverType = "build" }), rows.show)
end)

procedures.query("server.count", {}, function()
  return #model.list "server"
end)

-- The newer version hides the private key.
local function whole(server)
  local key = model.get("ssh_key", server.sshKeyId)
  local shown = key and rows.show(key) or json.null
  if key and version.new() then shown.privateKey = "" end
  return rows.show(server, { deployments = json.array {}, sshKey = shown })
end

local by_id = { serverId = v.text { min = 1 } }

procedures.query("server.one", by_id, function(input)
  return whole(model.get("server", input.serverId) or errors.not_found "Server")
end)

procedures.mutation("server.remove", by_id, function(input)
  local server = model.get("server", input.serverId) or errors.not_found "Server"
  if model.find("application", { serverId = server.serverId }) then errors.bad "Server has active services, please delete them first" end
  model.delete(server)
  return whole(server)
end)

procedures.query("server.getServerTime", {}, function()
  return { time = clock.iso(), timezone = "UTC" }
end)

procedures.query("server.publicIp", {}, function()
  return json.null
end)

procedures.query("registry.all", {}, function()
  return json.array {}
end)

return true
