--- Parameters that routes have in common, by the name that a declaration uses for them.
local json = require "core.json"
local limits = require "lib.policy.limits"

local LONGEST = 200 -- characters of a search or filter

local function text(example) return { type = "string", maxLength = LONGEST, example = example } end
local function number(minimum) return { type = "integer", minimum = minimum } end
local function one_of(...) return { type = "string", enum = json.array { ... } } end

local function path(name, description, example)
  return {
    name = name, ["in"] = "path", required = true, description = description,
    schema = { type = "string", example = example },
  }
end

local function query(name, schema, description)
  return { name = name, ["in"] = "query", schema = schema, description = description }
end

local function header(name, schema, description)
  return { name = name, ["in"] = "header", schema = schema, description = description }
end

local idempotency_key = { type = "string", minLength = 1, maxLength = limits.idempotency_key }
local data = one_of("keep", "delete")
data.default = "keep"

return {
  path = {
    name = path("name", "The workspace's name; upper case, surrounding blanks and the digits of "
      .. "other scripts are folded.", "my-stack"),
    id = path("id", "The id from an earlier answer or a list."),
    link = path("link", "The link's secret."),
    number = path("number", "The number of a version.", "12"),
    volume = path("volume", "The volume of kept data."),
    batch = path("batch", "The id of a bulk action."),
  },

  search = query("search", text(), "Only entries that contain this text, ignoring case."),
  limit = query("limit", {
    type = "integer", minimum = 1, maximum = limits.page_max, default = limits.page,
  }, "Entries of a page."),
  before = query("before", number(1), "The `next` of the page before."),
  from = query("from", number(1), "Where the page begins; the first entry is 1."),
  after_cursor = query("after", text(), "The `next` of the page before."),
  after_invite = query("invites", text(), "The last invite of the page before."),
  after_token = query("tokens", text(), "The last token of the page before."),
  after_event = query("after", number(0),
    "Only what happened after this event. The field Last-Event-ID takes precedence."),
  last_event = query("lastEventId", number(0),
    "The same, as EventSource polyfills send it; takes precedence over `after`."),
  all = query("all", { type = "boolean", default = false }, "Also resolved entries."),
  stack_state = query("state", text "ready", "Only workspaces in this state."),
  operation_state = query("state", text "failed",
    "Only operations in this state; open: those that have not ended."),
  key_state = query("state", one_of("good", "used_up", "expired", "revoked"),
    "Only entries in this state."),
  kind = query("kind", text "deploy", "Only operations of this kind."),
  of_owner = query("owner", text(), "Only entries of the owner with this id."),
  of_name = query("name", text(), "Only entries of this name."),
  who = query("who", text "admin", "Only actions of this kind of person."),
  action = query("action", text "delete", "Only this action."),
  allowed = query("allowed", { type = "boolean" }, "Only what was allowed, or refused."),
  data = query("data", data, "What happens to the files. `delete` works where Dokploy can remove a "
    .. "volume (0.30 and later); elsewhere they are listed as left."),

  file = query("file", text "policy/names.lua", "The path of one of the installation's own files."),
  done = query("done", number(1), "The version that has just come into force."),

  lang = query("lang", { type = "string", example = "nl" },
    "The language of texts for people; takes precedence over Accept-Language."),
  if_match = header("If-Match", text '"0f3b..."',
    "The ETag of the version that this changes; 412 when another one is in force by now."),
  last_event_id = header("Last-Event-ID", number(0), "What a reconnecting EventSource sends."),
  idempotency = header("Idempotency-Key", idempotency_key,
    "Makes the request safe to repeat for 24 hours: the same key and body gets the first answer "
    .. "again, another body 409. Use a random one, such as a UUID: the answer contains the owner "
    .. ("key. Without an owner key, one shorter than %d characters is bound to the client that ")
      :format(limits.idempotency_random)
    .. "used it first."),
}
