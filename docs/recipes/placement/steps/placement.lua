-- Workspaces run on the servers of the swarm that have the label kind=workspaces. Set it once:
-- docker node update --label-add kind=workspaces NODE
local json = require "core.json"

return {
  after = "settings",
  title = { en = "Server", nl = "Server", ar = "الخادم" },
  run = function(ctx)
    return ctx.dokploy:call("application.update", {
      applicationId = ctx.ids.application,
      placementSwarm = { Constraints = json.array { "node.labels.kind==workspaces" } },
    })
  end,
}
