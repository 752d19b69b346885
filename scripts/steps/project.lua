--- The project: a drawer of its own in Dokploy for each stack. Its description carries our mark (name, operation, owner), by which it is
--- found again when Dokploy did the work and its answer was lost.
local dokploy = require "lib.dokploy"
local reconcile = require "lib.workspaces.reconcile"

local function make(ctx)
  return ctx.dokploy:project_create(ctx.name, ctx.mark)
end

-- The project with our mark; false when there is none.
local function find(ctx)
  local projects, message, code = ctx.dokploy:projects_described(ctx.mark)
  if not projects then return nil, message, code end
  if #projects == 0 then return false end
  local project
  project, message, code = ctx.dokploy:project_one(projects[1].projectId)
  if not project then return nil, message, code end
  local environment = dokploy.environment_of(project)
  if not environment then return nil, "the project has no environment", "dokploy_unexpected_answer" end
  return { id = project.projectId, environment = environment }
end

return {
  name = "project",
  deadline = 90,
  expect = 1,
  run = function(ctx)
    local free, message, code = reconcile.name_is_free(ctx)
    if not free then return nil, message, code end
    return ctx:create("project", {}, function() return make(ctx) end, function() return find(ctx) end)
  end,
}
