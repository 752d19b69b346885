--- GET /api/check/:name: whether a name can be used. A bad name is an answer, not an error.
local auth = require "lib.auth"
local client = require "lib.auth.client"
local identity = require "lib.auth.identity"
local names = require "lib.base.names"
local refusal = require "lib.base.refusal"
local answer = require "lib.http.answer"
local problem = require "lib.http.problem"
local routes = require "lib.http.routes"
local journal = require "lib.journal"
local reservations = require "lib.journal.reservations"
local suggestions = require "lib.operations.suggestions"
local i18n = require "lib.pages.i18n"
local limits = require "lib.policy.limits"
local name_policy = require "lib.policy.names"

local function unavailable(req, who, name, code, reason, more)
  local options = more or {}
  options.args = { name = name, min = names.min, max = names.max }
  options.detail = reason and "name.invalid." .. reason
  return answer.document(req, {
    name = name,
    valid = code == "name_taken" or code == "name_resting",
    available = false,
    code = code,
    detail = problem.document(req, i18n.from(req), code, options).detail,
    suggestions = suggestions(name, who, code),
  })
end

local function rests(who, name)
  if limits.rest == 0 then return false end
  return not identity.is_admin(who)
    and refusal.check(journal.operations.rests(name, who.id, limits.rest))
end

local function check(req)
  local name = names.fold(req.params.name)
  local who = auth.reader(req)
  local is_good, code, reason, more = name_policy.check(name, who, (client.host(req)))
  if not is_good then return unavailable(req, who, name, code, reason, more) end
  if not reservations.is_free(name) then return unavailable(req, who, name, "name_taken") end
  if rests(who, name) then return unavailable(req, who, name, "name_resting") end
  return { json = { name = name, valid = true, available = true } }
end

routes.add("Workspaces", {
  { "GET", "/api/check/:name", check,
    summary = "Check a name",
    text = "A bad name is an answer, not an error.",
    answers = { [200] = "Check" } },
})
