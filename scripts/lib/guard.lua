--- What stands in front of requests that change something, or that are for somebody. Each returns nil, or the reply that refuses.
local origin = require "lib.origin"
local owner = require "lib.owner"
local problem = require "lib.problem"
local guard = {}

--- Lets a handler that changes something be called by programs and by the portal's own page only.
---@param handler fun(req: Request): Reply
---@return fun(req: Request): Reply
function guard.changing(handler)
  return function(req)
    if not origin.is_own(req) then return problem.reply(req, "forbidden_origin") end
    return handler(req)
  end
end

--- Who asks, when it must be an owner or the admin; else nil and the refusal.
---@param req Request
---@return Who|nil
---@return Reply|nil refusal
function guard.known(req)
  local who = owner.from(req)
  if who.kind == "visitor" then return nil, problem.reply(req, "key_missing") end
  if who.kind == "forged" then return nil, problem.reply(req, "key_invalid") end
  return who
end

return guard
