--- The public address NAME.SUFFIX, which Dokploy's proxy routes to port 8080 of the container.
--- Dokploy gives one host to any number of services, so it is asked who has this one: before ours
--- is made, and after, because somebody may have taken it meanwhile.
local config = require "core.config"
local try = require("lib.base.attempt").try

local PORT = 8080 -- where OpenCode listens in the container

local function is_free(ctx)
  for _, owner in ipairs(try(ctx.dokploy:owners_of_host(ctx.host))) do
    if owner ~= ctx.ids.application then
      return false, ("%s belongs to %s in Dokploy"):format(ctx.host, owner)
    end
  end
  return true
end

return {
  name = "domain",
  deadline = 90,
  expect = 1,
  kind = "domain",

  make = function(ctx)
    local free, owner = is_free(ctx)
    if not free then return nil, owner, "host_taken", { unknown = false } end
    local is_https = config.stack.scheme == "https"
    local made = table.pack(
      ctx.dokploy:domain_create(ctx.ids.application, ctx.host, PORT, is_https))
    if not made[1] then return table.unpack(made, 1, made.n) end
    free, owner = is_free(ctx)
    if not free then return nil, owner, "host_taken" end
    return made[1]
  end,

  find = function(ctx)
    for _, domain in ipairs(try(ctx.dokploy:domains(ctx.ids.application))) do
      if domain.host == ctx.host then return { id = domain.domainId } end
    end
    return false
  end,
}
