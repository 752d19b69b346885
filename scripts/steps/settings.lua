--- What the container gets: its image, its environment variables with the password, its volume,
--- its network and its limits. The four do not depend on one another, so they are set at the same
--- time.
local crypto = require "core.crypto"
local task = require "core.task"
local attempt = require "lib.base.attempt"
local dotenv = require "lib.base.dotenv"
local workspace = require "lib.base.workspace"
local isolation = require "lib.dokploy.isolation"
local secrets = require "lib.operations.secrets"
local address = require "lib.workspaces.address"

local try = attempt.try
local PASSWORD = address.password_variable

local function set_image(ctx)
  return ctx.dokploy:save_image(ctx.ids.application, ctx.params.image)
end

-- The password is made here and kept nowhere but in Dokploy. One that is there already, because
-- this step ran before, stays.
local function set_environment(ctx, application)
  local before = type(application.env) == "string" and dotenv.get(application.env, PASSWORD)
  ctx.password = before or crypto.token(32)
  if before then return true end
  local variables = { [PASSWORD] = ctx.password }
  local given = secrets.of(ctx.id)
  if ctx.params.secrets and not given then
    -- A workspace that has its files is still worth having without them.
    if not ctx.params.volume then
      return nil, "the portal was restarted before the secrets reached Dokploy", "secrets_lost"
    end
    ctx.warning = "secrets_lost"
  end
  for _, source in ipairs { ctx.params.env or {}, given or {} } do
    for name, value in pairs(source) do
      if name ~= PASSWORD then variables[name] = value end
    end
  end
  local text = try(dotenv.text(variables))
  try(ctx.dokploy:save_environment(ctx.ids.application, text))
  secrets.forget(ctx.id)
  return true
end

-- The volume itself is made when the container starts. Its name is never used again, so nobody ever
-- gets somebody else's data.
local function set_volume(ctx)
  try(ctx:foresee("volume", ctx.volume))
  return ctx:create("mount", {}, function()
    return ctx.dokploy:mount_create(ctx.ids.application, ctx.volume, workspace.directory)
  end, function()
    local application = try(ctx.dokploy:application_one(ctx.ids.application))
    for _, mount in ipairs(type(application.mounts) == "table" and application.mounts or {}) do
      if mount.volumeName == ctx.volume then return { id = mount.mountId } end
    end
    return false
  end)
end

-- Dokploy wants numbers as text here. "stop-first": an update never runs two containers on one
-- volume.
local function set_limits(ctx)
  local fields = try(isolation.fields(ctx.dokploy))
  fields.memoryLimit = tostring(ctx.params.memory_bytes)
  fields.cpuLimit = ctx.params.cpu_nanos and tostring(ctx.params.cpu_nanos) or nil
  fields.replicas = 1
  fields.updateConfigSwarm = {
    Parallelism = 1, Order = "stop-first", FailureAction = "rollback",
  }
  return ctx.dokploy:application_update(ctx.ids.application, fields)
end

return {
  name = "settings",
  deadline = 90,
  expect = 2,
  ahead = true,
  run = function(ctx)
    local application = try(ctx.dokploy:application_one(ctx.ids.application))
    local works = {}
    for i, set in ipairs { set_image, set_environment, set_volume, set_limits } do
      works[i] = function() return attempt.catch(set, ctx, application) end
    end
    for _, result in ipairs(task.all(works)) do try(table.unpack(result, 1, result.n)) end
    return true
  end,
}
