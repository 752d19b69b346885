--- The installation's own files (site/): what is in force, changing it, its versions. Every change
--- takes the road of lib/site/versions.lua.
local json = require "core.json"
local site = require "lib.admin.site"
local answer = require "lib.http.answer"
local routes = require "lib.http.routes"

local MOST = 2 << 20 -- bytes of a request: 1 MiB of files as JSON

local function tag(hash) return ('"%s"'):format(hash) end

-- The hash that must be in force: of If-Match, which may also be "*".
local function expected(req)
  local field = req.headers["if-match"]
  if field == nil or field == "*" then return nil end
  return field:match '^"(.*)"$' or field
end

local function show(req)
  local doc = site.current()
  local reply = answer.private(req, doc)
  reply.headers.ETag = tag(doc.hash)
  return reply
end

local function changed(doc) return { json = doc, headers = { ETag = tag(doc.hash) } } end

local function put(req, values, who)
  return changed(site.put(site.files_of(values.files), {
    who = who, source = "push", note = values.note, expected = expected(req),
  }))
end

local function check(_, values)
  return { json = { problems = json.array(site.problems(site.files_of(values.files))) } }
end

local function try(_, values) return { json = site.try(site.files_of(values.files), values) } end
local function list(req) return answer.private(req, site.versions()) end
local function version(req) return answer.private(req, site.version(req.params.number)) end

local function back(req, _, who)
  return changed(site.back(req.params.number, { who = who, expected = expected(req) }))
end

local refusals = { "site_read_only", "site_changed", "site_invalid", "journal" }

routes.add("Administration", {
  { "GET", "/api/admin/site", show,
    summary = "The installation's own files, as they are in force",
    text = "Files are texts, or `base64` where they are not. The ETag is for If-Match of a change.",
    access = "admin", allow = "read_site", answers = { [200] = "Site" } },

  { "PUT", "/api/admin/site", put,
    summary = "Replace the installation's own files",
    text = "All of them at once. They are checked as `deployer --check` does, and then in force "
      .. "before the answer; what runs goes on with the files it began with. Files with a mistake "
      .. "change nothing: 422 lists each `problems` with file and line.",
    access = "admin", allow = "change_site", body = "NewSite", headers = { "if_match" },
    max_body = MOST,
    answers = { [200] = "SiteChanged" }, problems = refusals },

  { "POST", "/api/admin/site/check", check,
    summary = "Check files without putting them into force",
    access = "admin", allow = "try_site", body = "SiteCandidate", max_body = MOST,
    answers = { [200] = "SiteChecked" } },

  { "POST", "/api/admin/site/try", try,
    summary = "What files would do, without putting them into force",
    text = "They are checked, and decide again what was decided in the last 30 days: `changes` are "
      .. "the decisions that would be others. With `deploy` they deploy on a simulated Dokploy.",
    access = "admin", allow = "try_site", body = "SiteTrial", max_body = MOST,
    answers = { [200] = "SiteTried" } },

  { "GET", "/api/admin/site/versions", list,
    summary = "The versions that are kept",
    text = "Newest first, the last 50. `faulty`: left for the one before because it failed while "
      .. "it ran.",
    access = "admin", allow = "read_site", answers = { [200] = "SiteVersions" } },

  { "GET", "/api/admin/site/versions/:number", version,
    summary = "A version with its files",
    access = "admin", allow = "read_site", answers = { [200] = "SiteFiles" },
    problems = { "version_unknown" } },

  { "POST", "/api/admin/site/versions/:number/activate", back,
    summary = "Put a version into force again",
    text = "It becomes the newest version, after the same checks as a change.",
    access = "admin", allow = "change_site", headers = { "if_match" },
    answers = { [200] = "SiteChanged" },
    problems = { "version_unknown", table.unpack(refusals) } },
})
