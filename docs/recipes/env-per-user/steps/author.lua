-- Commits from a workspace carry its owner's name and address, as the log-in proxy reports them.
local function quoted(text) return "'" .. text:gsub("['%c]", "") .. "'" end

return {
  after = "settings", -- which writes the container's variables
  title = { en = "Author of commits", nl = "Auteur van commits", ar = "مؤلف الإيداعات" },
  run = function(ctx)
    local owner, id = ctx.owner, ctx.ids.application
    if not owner.email then return true end
    local application, message, code = ctx.dokploy:query("application.one", { applicationId = id })
    if not application then return nil, message, code end
    local env = ("%s\nGIT_AUTHOR_NAME=%s\nGIT_AUTHOR_EMAIL=%s"):format(application.env,
      quoted(owner.name or ctx.name), quoted(owner.email))
    return ctx.dokploy:call("application.saveEnvironment", {
      applicationId = id, env = env, buildArgs = "", buildSecrets = "", createEnvFile = false,
    }, { secret = true })
  end,
}
