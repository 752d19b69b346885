--- GET /health: the portal's health, for people and monitors. GET /ready: whether to send it
--- requests. Neither waits for anything, but for the journal where a token came along.
local config = require "core.config"
local json = require "core.json"
local server = require "core.server"
local health = require "lib.admin.health"
local auth = require "lib.auth"
local client = require "lib.auth.client"
local identity = require "lib.auth.identity"
local refusal = require "lib.base.refusal"
local site = require "lib.base.site"
local doctor = require "lib.doctor.schedule"
local dokploy = require "lib.dokploy"
local breaker = require "lib.dokploy.breaker"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"
local i18n = require "lib.pages.i18n"

local function show_health(req)
  local is_admin = req.headers.authorization ~= nil and identity.is_admin(auth.reader(req))
  return answer.document(req, health.document(i18n.from(req), is_admin), "Authorization")
end

-- An unreachable Dokploy is not among them: an outage must never roll back a good release.
local function failing_dependencies()
  local info, list = server.info(), {}
  if info.store.trouble then list[#list + 1] = "journal" end
  if info.draining then list[#list + 1] = "draining" end
  if site.is_missing() then list[#list + 1] = "site" end
  return json.array(list)
end

local function dokploy_word()
  local is_reachable = dokploy.last().reachable
  if is_reachable == nil then return "unknown" end
  return is_reachable and "ok" or "unreachable"
end

-- What the doctor found tells an attacker where to try.
local function doctor_report(req)
  local report = doctor.last_report() or { status = "unknown" }
  if auth.is_from_admin(req) then return report end
  return { status = report.status, checkedAt = report.checkedAt }
end

local function ready(req)
  local failing = failing_dependencies()
  if #failing > 0 then
    local args = { failing = table.concat(failing, ", ") }
    refusal.raise("not_ready", { args = args, more = { failing = failing }, retry_after = 5 })
  end
  return {
    json = {
      status = "ready",
      release = config.release,
      journal = "ok",
      scripts = "ok",
      limits = client.untrusted_proxy() and "shared" or "separate",
      dokploy = dokploy_word(),
      breaker = breaker.state().state,
      doctor = doctor_report(req),
    },
  }
end

routes.add("Monitoring", {
  { "GET", "/health", show_health,
    summary = "The portal's health",
    text = "Always 200 while the portal runs; never waits for Dokploy. `degraded` names what is "
      .. "wrong, each with a code; the admin's token shows more.",
    answers = { [200] = "Health" }, log = "debug" },

  { "GET", "/ready", ready,
    summary = "Whether to send it requests",
    text = "503 when the journal cannot be written, the portal is shutting down, or no version of "
      .. "the installation's own files loads. An unreachable Dokploy is named with 200: an outage "
      .. "is no reason to roll back a release. The doctor's findings are for the admin only.",
    answers = { [200] = "Ready" }, problems = { "not_ready" }, log = "debug" },
})
