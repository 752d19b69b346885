-- On weekdays at 22:00 all workspaces are stopped; their owners start them again.
return {
  { name = "night stop", cron = "0 22 * * 1-5", zone = "Europe/Amsterdam",
    run = function(portal)
      for _, workspace in ipairs(portal.workspaces { state = "ready" }) do
        portal.stop(workspace.name, "night")
      end
    end },
}
