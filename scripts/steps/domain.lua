--- The public address NAME.SUFFIX, which Dokploy's proxy routes to port 8080 of the container.
local config = require "core.config"
local try = require("lib.base.attempt").try

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
    for _, domain in ipairs(try(ctx.dokploy:domains(ctx.ids.application))) do
      if domain.host == ctx.host then return { id = domain.domainId } end
    end
    return false
  end,
}
