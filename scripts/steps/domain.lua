--- The public address NAME.SUFFIX, which Dokploy's proxy leads to port 8080 of the container.
local config = require "core.config"

local PORT = 8080 -- where OpenCode listens in the container

local function find(ctx)
  local domains, message, code = ctx.dokploy:domains(ctx.ids.application)
  if not domains then return nil, message, code end
  for _, domain in ipairs(domains) do
    if domain.host == ctx.host then return { id = domain.domainId } end
  end
  return false
end

return {
  name = "domain",
  deadline = 90,
  expect = 1,
  run = function(ctx)
    return ctx:create("domain", {}, function()
      return ctx.dokploy:domain_create(ctx.ids.application, ctx.host, PORT, config.stack.scheme == "https")
    end, function()
      return find(ctx)
    end)
  end,
}
