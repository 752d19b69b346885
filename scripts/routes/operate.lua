--- POST /api/stack/:name/stop, /start, /restart, /password: what an owner does with a stack that stands. Each begins an operation; only
--- telling the password is done at once.
local server = require "core.server"
local names = require "lib.base.names"
local engine = require "lib.operations.engine"
local body = require "lib.http.body"
local i18n = require "lib.pages.i18n"
local problem = require "lib.http.problem"
local stack = require "routes.stack"

local function begin(req, kind)
  local name = names.fold(req.params.name)
  local row, refusal = stack.find(req, kind, name)
  if not row then return refusal end
  local operation, _, code = engine.operate(kind, row)
  if operation then return stack.accepted(req, operation) end
  return problem.failure(req, code, { args = { name = name, id = req.id } })
end

for _, kind in ipairs { "stop", "start", "restart" } do
  server.route("POST", "/api/stack/:name/" .. kind, function(req)
    local asked, refusal = body.read(req, {}, true)
    if not asked then return refusal end
    return begin(req, kind)
  end)
end

-- A form gets it on the stack's page, which tells the password to its owner.
local function reveal(req)
  local name = names.fold(req.params.name)
  local row, refusal = stack.find(req, "reveal", name)
  if not row then return refusal end
  if not stack.stands[row.state] then return problem.reply(req, "stack_unfit", { args = { name = name } }) end
  if body.is_form(req) then return { status = 303, headers = { Location = "/stack/" .. name .. "?show=password" } } end
  local shown = { name = name }
  stack.add_password(shown, i18n.from(req))
  local trouble = shown.passwordProblem
  if trouble then return problem.reply(req, "password_unknown", { args = { detail = trouble.detail }, retry_after = 10 }) end
  return { json = shown }
end

server.route("POST", "/api/stack/:name/password", function(req)
  local asked, refusal = body.read(req, { action = { type = "string" } }, true)
  if not asked then return refusal end
  local action = asked.action or "reveal"
  if action == "reveal" then return reveal(req) end
  if action == "rotate" then return begin(req, "rotate") end
  return problem.value(req, "action", { "reveal", "rotate" })
end)
