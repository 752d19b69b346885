--- The public address NAME.SUFFIX, which Dokploy's proxy routes to port 8080 of the container.
local config = require "core.config"

local PORT = 8080 -- where OpenCode listens in the container

return {
  name = "domain",
  deadline = 90,
  expect = 1,
  kind = "domain",

  make = function(ctx)
    local is_https = config.stack.scheme == "https"
    return ctx.dokploy:domain_create(ctx.ids.application, ctx.host, PORT, is_https)
  end,

  find = function(ctx)
    local domains, message, code = ctx.dokploy:domains(ctx.ids.application)
    if not domains then return nil, message, code end
    for _, domain in ipairs(domains) do
      if domain.host == ctx.host then return { id = domain.domainId } end
    end
    return false
  end,
}
