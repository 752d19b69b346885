--- One act on several stacks: each is asked for, written into the trail and answered by itself, so that one refusal stops no other.
local crypto = require "core.crypto"
local json = require "core.json"
local shared = require "core.shared"
local names = require "lib.base.names"
local engine = require "lib.operations.engine"
local journal = require "lib.journal"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local door = require "routes.door"
local bulk = { most = 200 }

--- What can be done to several at once.
bulk.acts = { "stop", "start", "restart", "redeploy", "delete" }

local known = {}
for _, act in ipairs(bulk.acts) do known[act] = true end

---@return boolean
function bulk.knows(act) return known[act] == true end

--- The names in a text, with commas or blanks between, each once; nil when there are too many.
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

local function begin(act, stack, data, who)
  if act == "delete" then return engine.delete { name = stack.name, owner_id = stack.owner_id, data = data, by = who.kind } end
  return engine.operate(act, stack)
end

-- The operation that was begun, or nil and the code of what stood in the way.
local function one(req, who, act, name, data)
  local row = journal.stack(name)
  if row == nil then return nil, "journal" end
  if not row then return nil, "stack_unknown" end
  local entry, refused = door.decide(req, who, act, { owner_id = row.owner_id }, name)
  if door.note(req, entry) then return nil, "journal" end
  if not entry.allowed then return nil, refused end
  local operation, _, code = begin(act, row, data, who)
  if operation then return operation end
  return nil, problem.status[code] and code or "internal"
end

--- Does it to each; for each what was begun, or why not.
---@param req Request
---@param who Who
---@param act string
---@param list string[]
---@param data string  of a delete: keep or delete
---@return { name: string, deploymentId: string|nil, statusUrl: string|nil, code: string|nil, detail: string|nil }[]
function bulk.run(req, who, act, list, data)
  local results, language = {}, i18n.from(req)
  for i, name in ipairs(list) do
    local operation, code = one(req, who, act, name, data)
    local done = { name = name }
    if operation then
      done.deploymentId, done.statusUrl = operation.id, "/api/status/" .. operation.id
    else
      done.code, done.detail = code, i18n.text(language, "problem." .. code .. ".detail", { name = name, id = req.id })
    end
    results[i] = done
  end
  return results
end

local KEPT = 3600 -- seconds that results can be looked at

--- Keeps results for the page that shows them; its id.
---@return string
function bulk.keep(results)
  local id = crypto.token(12)
  shared.set("bulk:" .. id, json.encode(json.array(results)), KEPT)
  return id
end

--- The results that were kept; nil when they are no more.
function bulk.results(id)
  local text = shared.get("bulk:" .. id)
  return text and json.decode(text)
end

return bulk
