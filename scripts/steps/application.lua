--- The application: what Dokploy runs as a container. Dokploy adds six characters to app_name.
local try = require("lib.base.attempt").try
local dokploy = require "lib.dokploy"

return {
  name = "application",
  deadline = 90,
  expect = 1,
  kind = "application",
  ahead = true,

  make = function(ctx)
    return ctx.dokploy:application_create {
      name = ctx.name,
      app_name = "stack-" .. ctx.name, -- at most 56 letters, digits and hyphens, a letter first
      description = ctx.tag,
      environment = ctx.ids.environment,
    }
  end,

  -- Its appName stays, as the container does.
  claim = function(ctx)
    local named = { name = ctx.name, description = ctx.tag }
    return ctx.dokploy:application_update(ctx.ids.application, named)
  end,

  find = function(ctx)
    local project = try(ctx.dokploy:project_one(ctx.ids.project))
    for _, application in ipairs((dokploy.services_of(project))) do
      local id, app_name = application.applicationId, application.appName
      if application.description == ctx.tag then
        if app_name then return { id = id, app_name = app_name } end
        return nil, "the application has no appName", "dokploy_unexpected_answer"
      end
    end
    return false
  end,
}
