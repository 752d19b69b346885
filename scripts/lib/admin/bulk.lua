--- One action on several workspaces. Each is decided, audited and answered by itself: one refusal
--- does not stop the others.
local crypto = require "core.crypto"
local json = require "core.json"
local shared = require "core.shared"
local auth = require "lib.auth"
local names = require "lib.base.names"
local refusal = require "lib.base.refusal"
local problem = require "lib.http.problem"
local journal = require "lib.journal"
local accept = require "lib.operations.accept"
local i18n = require "lib.pages.i18n"
local bulk = { most = 200 }
bulk.actions = { "stop", "start", "restart", "sleep", "wake", "redeploy", "delete" }

local is_action = {}
for _, action in ipairs(bulk.actions) do is_action[action] = true end

---@return boolean
function bulk.is_action(action) return is_action[action] == true end

--- The names in a text, separated by commas or blanks, each once; nil when there are too many.
---@param text string
---@return string[]|nil
function bulk.names(text)
  local list, seen = {}, {}
  for word in text:gmatch("[^%s,]+") do
    local name = names.fold(word)
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  return #list <= bulk.most and list or nil
end

local function begin(action, stack, data, who)
  if action ~= "delete" then return accept.begin(action, stack) end
  local request = { name = stack.name, owner_id = stack.owner_id, data = data, by = who.kind }
  return accept.delete(request)
end

-- Raises the refusal of one.
local function act(req, who, action, name, data)
  local stack = refusal.check(journal.stacks.get(name))
  if not stack then refusal.raise "stack_unknown" end
  local entry, code, more = auth.decide(req, who, action, auth.what(stack), name)
  auth.record(entry)
  if not entry.allowed then auth.refuse(code, more, {}) end
  return refusal.check(begin(action, stack, data, who))
end

--- Acts on each workspace.
---@param req Request
---@param who Who
---@param action string  of bulk.actions
---@param list string[]
---@param data string    of a delete: keep or delete
---@return { name: string, deploymentId: string|nil, statusUrl: string|nil, code: string|nil,
--- detail: string|nil }[]  for each what began, or why nothing did
function bulk.run(req, who, action, list, data)
  local results, language = {}, i18n.from(req)
  for i, name in ipairs(list) do
    local is_begun, result = refusal.catch(act, req, who, action, name, data)
    if is_begun then
      local url = "/api/status/" .. result.id
      results[i] = { name = name, deploymentId = result.id, statusUrl = url }
    else
      result.options.args = { name = name }
      local doc = problem.document(req, language, result.code, result.options)
      results[i] = { name = name, code = doc.code, detail = doc.detail }
    end
  end
  return results
end

local KEPT = 3600 -- seconds

--- Keeps results for the page that shows them.
---@return string id
function bulk.keep(results)
  local id = crypto.token(12)
  shared.set("bulk:" .. id, json.encode(json.array(results)), KEPT)
  return id
end

--- Kept results, or nil when they expired.
function bulk.results(id)
  local text = shared.get("bulk:" .. id)
  return text and json.decode(text)
end

return bulk
