--- The project: each workspace has its own in Dokploy. Its description carries our tag, by which it
--- is found again when an answer was lost.
local try = require("lib.base.attempt").try
local dokploy = require "lib.dokploy"

return {
  name = "project",
  deadline = 90,
  expect = 1,
  kind = "project",
  ahead = true,

  make = function(ctx) return ctx.dokploy:project_create(ctx.name, ctx.tag) end,

  claim = function(ctx)
    return ctx.dokploy:call("project.update", {
      projectId = ctx.ids.project, name = ctx.name, description = ctx.tag,
    })
  end,

  find = function(ctx)
    local projects = try(ctx.dokploy:projects_described(ctx.tag))
    if #projects == 0 then return false end
    local project = try(ctx.dokploy:project_one(projects[1].projectId))
    local environment = dokploy.environment_of(project)
    if environment then return { id = project.projectId, environment = environment } end
    return nil, "the project has no environment", "dokploy_unexpected_answer"
  end,
}
