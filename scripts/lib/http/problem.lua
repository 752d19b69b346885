--- Errors as application/problem+json (RFC 9457): `code` is for programs and never changes, `title` and `detail` are for people,
--- in the language that the request asks for. Texts: "problem.CODE.title" and "problem.CODE.detail" in locales/*.json.
local json = require "core.json"
local media = require "lib.base.media"
local page = require "lib.pages"
local i18n = require "lib.pages.i18n"
local problem = {}

--- Every code that the portal answers with, and its status.
problem.status = {
  bad_request = 400, json_invalid = 400, idempotency_key_invalid = 400, forward_user_invalid = 400, form_invalid = 400,
  key_missing = 401, key_invalid = 401, key_expired = 401, key_revoked = 401, login_needed = 401,
  access_closed = 403, forbidden_origin = 403, not_owner = 403, csrf_invalid = 403,
  invite_needed = 403, invite_invalid = 403, link_invalid = 403, scope_missing = 403, admin_only = 403, owner_key_only = 403,
  quota_owner = 403, quota_network = 403, quota_total = 403,
  not_found = 404, deployment_unknown = 404, stack_unknown = 404, invite_unknown = 404, token_unknown = 404, finding_unknown = 404,
  method_not_allowed = 405,
  name_taken = 409, idempotency_conflict = 409, stack_busy = 409, stack_unfit = 409, finding_unfit = 409, finding_gone = 409,
  body_too_large = 413,
  content_type = 415,
  host_unknown = 421,
  field_unknown = 422, field_missing = 422, field_type = 422, value_invalid = 422,
  name_invalid = 422, name_reserved = 422, template_unknown = 422,
  queue_full = 429, rate_limited = 429,
  internal = 500,
  dokploy_unreachable = 503, password_unknown = 503, journal = 503, not_ready = 503,
}

--- What the options of problem.reply may hold.
---@class ProblemOptions
---@field args? table<string, string|number>   for the placeholders of the texts
---@field detail? string                       another text's key in place of "problem.CODE.detail"
---@field field? string                        the part of the request that is wrong
---@field retry_after? integer                 seconds
---@field status? integer                      when it is not the code's usual one
---@field headers? table<string, string>
---@field more? table                          more members of the document

-- What strangers sent may be told again, but short and as text.
local function sayable(args)
  local said = {}
  for name, value in pairs(args or {}) do
    if type(value) == "string" then
      if not utf8.len(value) then value = value:gsub("[\x80-\xff]", "?") end
      value = value:sub(1, (utf8.offset(value, 201) or #value + 1) - 1):gsub("%c", " ")
    end
    said[name] = value
  end
  return said
end

local function document(req, language, code, options)
  local doc, args = {}, sayable(options.args)
  args.time = options.retry_after and i18n.duration(language, options.retry_after)
  for key, value in pairs(options.more or {}) do doc[key] = value end
  doc.type = "urn:ai-stack-deployer:problem:" .. code
  doc.code = code
  doc.status = options.status or problem.status[code]
  doc.title = i18n.text(language, "problem." .. code .. ".title", args)
  doc.detail = i18n.text(language, options.detail or ("problem." .. code .. ".detail"), args)
  doc.instance = req.id
  doc.field = options.field
  doc.retryAfter = options.retry_after
  return doc
end

-- A browser without scripts, which has sent a form, gets a page.
local function as_page(req, doc, headers)
  local h, back = page.h, i18n.text(headers["Content-Language"], "problem.back")
  local home = req.path:find("^/admin") and "/admin" or "/"
  for name, value in pairs(page.headers) do headers[name] = value end
  local said = { h("p", {}, doc.detail), h("p", {}, h("a", { class = "button", href = home }, back)) }
  return { status = doc.status, headers = headers, html = page.frame(headers["Content-Language"], doc.title, said) }
end

--- The reply that tells of a problem.
---@param req Request
---@param code string
---@param options ProblemOptions|nil
---@return Reply
function problem.reply(req, code, options)
  options = options or {}
  local language = media.is_form(req) and page.language(req) or i18n.from(req)
  local doc = document(req, language, code, options)
  local headers = { ["Content-Language"] = language, Vary = "Accept-Language" }
  if options.retry_after then headers["Retry-After"] = tostring(options.retry_after) end
  if doc.status == 401 then headers["WWW-Authenticate"] = "Bearer" end
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  if media.is_form(req) then return as_page(req, doc, headers) end
  return { status = doc.status, body = json.encode(doc), type = "application/problem+json", headers = headers }
end

-- A list of choices reads alike in every language when it is only separated.
local function listed(values) return table.concat(values, ", ") end

--- A value that is none of those that are good.
function problem.value(req, field, good)
  return problem.reply(req, "value_invalid", { field = field, args = { field = field, good = listed(good) } })
end

--- Words an error that the core found itself; for server.on_error. An unknown code is told as `internal`.
---@param req Request
---@param status integer
---@param code string
---@param extra table
---@return Reply
function problem.from_core(req, status, code, extra)
  local known = problem.status[code] and code or "internal"
  local options = { status = status, args = { path = req.path, method = req.method, id = req.id, allow = extra and extra.allow } }
  if extra and extra.allow then options.headers = { Allow = extra.allow } end
  return problem.reply(req, known, options)
end

--- Words a failure that a lib function returned (nil, message, code). Codes that are not for strangers become `internal`.
---@param req Request
---@param code string|nil
---@param options ProblemOptions|nil
---@return Reply
function problem.failure(req, code, options)
  options = options or {}
  options.args = options.args or { id = req.id }
  if code == "journal" or problem.status[code] then
    if code == "journal" then options.retry_after = options.retry_after or 5 end
    return problem.reply(req, code, options)
  end
  return problem.reply(req, "internal", options)
end

return problem
