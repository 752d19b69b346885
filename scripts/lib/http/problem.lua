--- Errors as application/problem+json (RFC 9457). `code` is for programs and never changes; `title`
--- and `detail` are for people, in the language of the request: the texts "problem.CODE.title" and
--- "problem.CODE.detail" of locales/*.json. A rule of an installation may refuse with a code of its
--- own, which brings its text along or has it in the installation's locales.
local json = require "core.json"
local media = require "lib.base.media"
local page = require "lib.pages"
local html = require "lib.pages.html"
local i18n = require "lib.pages.i18n"
local problem = {}

--- Every code that the portal answers with, and its status.
problem.status = {
  bad_request = 400, json_invalid = 400, idempotency_key_invalid = 400,
  forward_user_invalid = 400, form_invalid = 400,
  key_missing = 401, key_invalid = 401, key_expired = 401, key_revoked = 401, login_needed = 401,
  access_closed = 403, forbidden_origin = 403, not_owner = 403, csrf_invalid = 403,
  invite_needed = 403, invite_invalid = 403, link_invalid = 403, scope_missing = 403,
  admin_only = 403, owner_key_only = 403,
  site_read_only = 403, quota_owner = 403, quota_network = 403, quota_total = 403,
  not_found = 404, deployment_unknown = 404, stack_unknown = 404, files_unknown = 404,
  invite_unknown = 404, token_unknown = 404, finding_unknown = 404, outbox_unknown = 404,
  version_unknown = 404, method_not_allowed = 405, not_acceptable = 406,
  name_taken = 409, name_resting = 409,
  idempotency_conflict = 409, stack_busy = 409, stack_unfit = 409,
  lifetime_full = 409,
  finding_unfit = 409, finding_gone = 409, service_remains = 409,
  site_changed = 412, body_too_large = 413,
  content_type = 415, content_encoding = 415,
  host_unknown = 421,
  field_unknown = 422, field_missing = 422, field_type = 422, value_invalid = 422,
  name_invalid = 422, name_reserved = 422, template_unknown = 422, site_invalid = 422,
  queue_full = 429, rate_limited = 429,
  internal = 500,
  dokploy_unreachable = 503, password_unknown = 503, journal = 503, not_ready = 503,
  policy_failed = 503,
}

local default_retry = { journal = 5, policy_failed = 60, queue_full = 30 } -- seconds
local OWN_STATUS = 403 -- of a code of an installation's own that names none
local LONGEST_ARGUMENT = 200 -- characters
local VARY = "Accept, Accept-Language, Authorization"

---@class ProblemOptions
---@field args? table<string, string|number>   for the placeholders of the texts
---@field detail? string                       a text's key, instead of "problem.CODE.detail"
---@field field? string                        the part of the request that is wrong
---@field retry_after? integer                 seconds
---@field status? integer                      instead of the code's usual one
---@field texts? table<string, string>         the detail by language, instead of the locales'; even
---                                             if empty, it marks a code of an installation's own
---@field headers? table<string, string>
---@field more? table                          more members of the document

-- Values of the request may be repeated, but short, valid and on one line.
local function printable(value)
  if type(value) ~= "string" then return value end
  if not utf8.len(value) then value = value:gsub("[\x80-\xff]", "?") end
  local cut = utf8.offset(value, LONGEST_ARGUMENT + 1) or #value + 1
  return (value:sub(1, cut - 1):gsub("%c", " "))
end

-- Whether a rule of the installation made up the code; any other unknown code is a mistake here.
local function is_own(code, options)
  return problem.status[code] == nil and options.texts ~= nil
end

-- The text that a refusal brings along, in the language or in one that it has.
local function brought(language, texts)
  if not texts then return nil end
  return texts[language] or texts[i18n.default] or select(2, next(texts))
end

-- Of a code of an installation's own that has no text.
local own_texts = { title = "problem.own.title", detail = "problem.own.detail" }

local function text_of(language, code, part, args)
  local key = ("problem.%s.%s"):format(code, part)
  if not problem.status[code] and not i18n.has(key) then key = own_texts[part] end
  return i18n.text(language, key, args)
end

--- The document of a problem.
---@param req Request
---@param language string
---@param code string
---@param options ProblemOptions
---@return table
function problem.document(req, language, code, options)
  local doc, args = {}, { id = req.id, code = code }
  for name, value in pairs(options.args or {}) do args[name] = printable(value) end
  args.time = options.retry_after and i18n.duration(language, options.retry_after)
  for key, value in pairs(options.more or {}) do doc[key] = value end
  doc.type = "urn:ai-stack-deployer:problem:" .. code
  doc.code = code
  doc.status = options.status or problem.status[code] or OWN_STATUS
  doc.title = text_of(language, code, "title", args)
  doc.detail = brought(language, options.texts)
    or options.detail and i18n.text(language, options.detail, args)
    or text_of(language, code, "detail", args)
  doc.instance = req.id
  doc.field = options.field
  doc.retryAfter = options.retry_after
  return doc
end

-- For a browser: the same, with a way back.
local function as_page(req, doc, headers)
  local h, language = page.h, headers["Content-Language"]
  local home = req.path:find("^/admin") and "/admin" or "/"
  local back = h("a", { class = "button", href = home }, i18n.text(language, "problem.back"))
  for name, value in pairs(page.headers) do headers[name] = value end
  headers["Cache-Control"], headers.Vary = "no-store", VARY .. ", Cookie"
  local document = page.frame(language, doc.title, { h("p", {}, doc.detail), h("p", {}, back) })
  return { status = doc.status, headers = headers, html = document }
end

--- The reply that reports a problem: a document for programs, a page for browsers. A code that is
--- neither in problem.status nor an installation's own becomes `internal`.
---@param req Request
---@param code string
---@param options ProblemOptions|nil
---@return Reply
function problem.reply(req, code, options)
  options = options or {}
  if not problem.status[code] and not is_own(code, options) then code = "internal" end
  options.retry_after = options.retry_after or default_retry[code]
  local wants_page = media.wants_page(req)
  local language = wants_page and page.language(req) or i18n.from(req)
  local doc = problem.document(req, language, code, options)
  local headers = {
    ["Content-Language"] = language,
    Vary = VARY,
    ["Retry-After"] = options.retry_after and tostring(options.retry_after) or nil,
    ["WWW-Authenticate"] = doc.status == 401 and "Bearer" or nil,
  }
  for name, value in pairs(options.headers or {}) do headers[name] = value end
  if wants_page then return as_page(req, doc, headers) end
  return {
    status = doc.status, body = json.encode(doc), type = "application/problem+json",
    headers = headers,
  }
end

--- The page for browsers whose header fields are too large to be read, in every language: which one
--- they want is not known then, and they could not fetch a style sheet either.
---@return string html
function problem.too_large_page()
  local h, parts = page.h, {}
  for i, language in ipairs(i18n.languages()) do
    parts[i] = h("section", { lang = language.code, dir = language.dir },
      h("h1", {}, i18n.text(language.code, "problem.headers_too_large.title")),
      h("p", {}, i18n.text(language.code, "problem.headers_too_large.detail")))
  end
  return '<!doctype html><meta charset="utf-8"><title>431</title>' .. html.render(parts)
end

--- The reply to an error that the core found itself; for server.on_error.
---@param req Request
---@param status integer
---@param code string
---@param extra table|nil
---@return Reply
function problem.from_core(req, status, code, extra)
  local allow = extra and extra.allow
  return problem.reply(req, code, {
    status = status,
    args = { path = req.path, method = req.method, allow = allow },
    headers = allow and { Allow = allow } or nil,
  })
end

return problem
