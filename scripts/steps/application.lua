--- The application: what Dokploy runs as a container. Dokploy adds six characters to the name it gives the service.
local dokploy = require "lib.dokploy"

local function make(ctx)
  return ctx.dokploy:application_create {
    name = ctx.name,
    app_name = "stack-" .. ctx.name, -- at most 56 characters, a letter first, then letters, digits and hyphens
    description = ctx.mark,
    environment = ctx.ids.environment,
  }
end

-- The application with our mark in our project; false when there is none.
local function find(ctx)
  local project, message, code = ctx.dokploy:project_one(ctx.ids.project)
  if not project then return nil, message, code end
  for _, application in ipairs((dokploy.services_of(project))) do
    if application.description == ctx.mark then
      if not application.appName then return nil, "the application has no appName", "dokploy_unexpected_answer" end
      return { id = application.applicationId, app_name = application.appName }
    end
  end
  return false
end

return {
  name = "application",
  deadline = 90,
  expect = 1,
  run = function(ctx)
    return ctx:create("application", {}, function() return make(ctx) end, function() return find(ctx) end)
  end,
}
