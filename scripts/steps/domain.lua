--- The public address NAME.SUFFIX, which Dokploy's proxy routes to port 8080 of the container.
--- Dokploy gives one host to any number of services, so it is asked who has this one: before ours
--- is made, and after, because somebody may have taken it meanwhile.
local config = require "core.config"
local try = require("lib.base.attempt").try
local owners = require "lib.dokploy.owners"

local PORT = 8080 -- where OpenCode listens in the container

-- True; or nil, a message, and the code.
local function is_free(ctx)
  for _, owner in ipairs(try(owners.of(ctx.dokploy, ctx.host))) do
    if owner ~= ctx.ids.application then
      return nil, ("%s belongs to %s in Dokploy"):format(ctx.host, owner), "host_taken"
    end
  end
  return true
end

local function if_still_free(ctx, made)
  try(is_free(ctx))
  return made
end

return {
  name = "domain",
  deadline = 90,
  expect = 1,
  kind = "domain",

  make = function(ctx)
    local free, message, code = is_free(ctx)
    if not free then return nil, message, code, { unknown = false } end
    local is_https = config.stack.scheme == "https"
    return if_still_free(ctx,
      try(ctx.dokploy:domain_create(ctx.ids.application, ctx.host, PORT, is_https)))
  end,

  find = function(ctx)
    for _, domain in ipairs(try(ctx.dokploy:domains(ctx.ids.application))) do
      if domain.host == ctx.host then return if_still_free(ctx, { id = domain.domainId }) end
    end
    return false
  end,
}
