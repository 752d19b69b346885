--- The tag that everything of ours carries in Dokploy, in the descriptions of projects and
--- applications. By it a thing is found again when a call's answer was lost. Pure.
local names = require "lib.base.names"
local tag = { prefix = "ai-stack-deployer name=" }

--- The tag of what an operation makes. `params.mark`: of an operation that removes what another
--- made.
---@param op { id: string, name: string, owner_id: string, params: table|nil }
---@return string
function tag.of(op)
  local others = op.params and op.params.mark
  return others or ("%s%s operation=%s owner=%s"):format(tag.prefix, op.name, op.id, op.owner_id)
end

local PATTERN = "^ai%-stack%-deployer name=([%l%d-]+) operation=([%w_-]+) owner=([%w_.-]+)$"

--- What a tag says; nil when the text is no tag of ours.
---@param text any
---@return { name: string, id: string, owner_id: string }|nil
function tag.read(text)
  if type(text) ~= "string" then return nil end
  local name, id, owner_id = text:match(PATTERN)
  if not name or not names.well_formed(name) then return nil end
  return { name = name, id = id, owner_id = owner_id }
end

--- The title of an operation's deployment in Dokploy.
---@return string
function tag.title(id) return "ai-stack-deployer " .. id end

--- Whether a deployment's title is ours.
function tag.is_title(text)
  return type(text) == "string" and text:find "^ai%-stack%-deployer " ~= nil
end

return tag
