--- Makes every call of lib/dokploy in the order of a workspace's life, which it also ends. live.mjs
--- runs it as a command of the program: deployer calls NAME, where NAME is new to that Dokploy.
--- Prints a line for each answer that the portal cannot use; then the exit status is 1.
local config = require "core.config"
local console = require "core.console"
local crypto = require "core.crypto"
local json = require "core.json"
local metrics = require "core.metrics"
local task = require "core.task"
local ask = require "lib.doctor.ask"
local dokploy = require "lib.dokploy"
local containers = require "lib.dokploy.containers"
local isolation = require "lib.dokploy.isolation"
local owners = require "lib.dokploy.owners"
local address = require "lib.workspaces.address"

local LONGEST_DEPLOYMENT, LONGEST_END, PERIOD = 300, 60, 0.5 -- seconds

local client = dokploy.client { tries = 1 }
local unusable = 0

local function report(what, message)
  unusable = unusable + 1
  console.print(what .. ": " .. message)
end

-- Calls a method whose answer the portal needs; older servers may lack the procedure.
local function try(method, ...)
  local value, message, code, info = client[method](client, ...)
  if value == nil and code ~= "no_such_call" then
    report(method, ("%s (%s)"):format(message or "no answer", code or "?"))
  end
  return value, message, code, info
end

-- Calls it for something that is gone.
local function expect_missing(method, id)
  local value, message, code = client[method](client, id)
  if value == "gone" or code == "not_found" then return end
  local found = code or message or "a value"
  report(method, ("not_found was expected of what is gone, not %s"):format(found))
end

-- Polls until is_reached(); false when that takes longer than `limit` seconds.
local function await(limit, is_reached)
  for _ = 1, limit / PERIOD do
    if is_reached() then return true end
    task.sleep(PERIOD)
  end
  return false
end

local function look_at_server()
  try "version"
  for _, procedure in ipairs { "user.get", "docker.getServerHealth" } do ask(procedure) end
  try "web_server"
  try "queue"
end

-- The row of a network of this name; nil where Dokploy has none.
local function make_network(name)
  local made = try("network_create", name)
  try("network_import", name)
  local row = isolation.find(client, name)
  if made and not row then report("networks", "the network that was made is not listed") end
  try("network_inspect", row and row.networkId or "no-such-id")
  return row
end

local function set_up(id, volume, network)
  try("save_image", id, config.stack.image)
  try("save_environment", id, ('%s="%s"\n'):format(address.password_variable, crypto.token(32)))
  try("mount_create", id, volume, "/workspace")
  local fields = isolation.fields(client)
  fields.memoryLimit, fields.cpuLimit, fields.replicas = "536870912", "500000000", 1
  fields.updateConfigSwarm = { Parallelism = 1, Order = "stop-first", FailureAction = "rollback" }
  if network then
    fields.networkIds, fields.detachDokployNetwork = json.array { network.networkId }, true
  end
  try("application_update", id, fields)
end

local function route(id, host)
  try("domain_create", id, host, 3000, false)
  local domain = (try("domains", id) or {})[1]
  if not domain then return report("domains", "the domain that was made is not listed") end
  try("domain_update", domain, { port = 3001 })
  if #(owners.of(client, host) or {}) ~= 1 then report("owners", "the domain has no owner") end
  client:domains_of_compose "no-such-id"
  local file = client:traefik_config(id)
  if file then try("save_traefik_config", id, file) end
  return domain
end

-- Whether a container of it runs, as a condition of await().
local function is_up(app_name, expected)
  return function() return containers.any_up(client:containers(app_name) or {}) == expected end
end

local function run(id, app_name)
  local newest
  local function is_over()
    newest = (client:deployments(id) or {})[1]
    return newest and newest.status ~= "running"
  end
  if try("deploy", id, "contract") and not await(LONGEST_DEPLOYMENT, is_over) then
    report("deploy", "it does not end")
  end
  try("is_deploying", id)
  if newest then try("deployment_log", newest.deploymentId) end
  if newest and newest.status == "done" then await(LONGEST_END, is_up(app_name, true)) end
  try("tasks", app_name)
  try("containers", app_name)
  try("application_stop", id)
  try("application_reload", id, app_name)
  try("clean_queue", id)
end

local function stop(id, app_name)
  try("application_stop", id)
  await(LONGEST_END, is_up(app_name, false))
end

local function remove(project, application, domain, volume)
  if domain then try("domain_delete", domain.domainId) end
  for _, mount in ipairs((try("application_one", application.id) or {}).mounts or {}) do
    try("mount_remove", mount.mountId)
  end
  try("application_delete", application.id)
  expect_missing("application_one", application.id)
  expect_missing("application_delete", application.id)
  try("project_remove", project.id)
  expect_missing("project_one", project.id)
  local function is_free()
    local _, _, code = client:volume_remove(volume)
    return code ~= "in_use"
  end
  if not await(LONGEST_END, is_free) then report("volume_remove", "the volume stays in use") end
end

-- A procedure that is declared and not called here would not be compared.
local function check_all_called()
  local counts = {}
  for procedure, count in metrics.text():gmatch 'requests_total{call="([^"]+)"[^}]*} (%d+)' do
    counts[procedure] = (counts[procedure] or 0) + tonumber(count)
  end
  for procedure, count in pairs(counts) do
    if count == 0 then report(procedure, "tests/contract/calls.lua does not call it") end
  end
end

local function live(name)
  look_at_server()
  local network = make_network(name)
  local project = try("project_create", name, "contract of " .. name)
  if not project then return end
  try("call", "project.update", { projectId = project.id, name = name })
  local found = try("projects_described", "contract of " .. name) or {}
  if #found ~= 1 then report("projects_described", ("it finds %d projects"):format(#found)) end
  local application = try("application_create",
    { name = name, app_name = name, description = "", environment = project.environment })
  if not application then return end
  try("project_one", project.id)
  try "every_project"
  local volume = application.app_name .. "-data"
  set_up(application.id, volume, network)
  local domain = route(application.id, name .. ".invalid")
  run(application.id, application.app_name)
  stop(application.id, application.app_name)
  remove(project, application, domain, volume)
  check_all_called()
end

return {
  run = function(arguments)
    live(arguments[1])
    return unusable > 0 and 1 or 0
  end,
}
