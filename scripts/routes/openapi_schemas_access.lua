--- More shapes for routes/openapi_schemas.lua: keys, invites, tokens, the audit trail. Gets the words that that file has for schemas.
return function(words)
  local object, described, list_of, one_of = words.object, words.described, words.list_of, words.one_of
  local text, time, count, flag = { type = "string" }, { type = "string", format = "date-time" }, { type = "integer" }, { type = "boolean" }
  local json = words.json
  local function nullable(kind) return { type = json.array { kind, "null" } } end
  local function ref(name) return { ["$ref"] = "#/components/schemas/" .. name } end
  local scopes = described(text, "One or more of create, read, delete, admin, with blanks between")
  local seconds = described(count, "Seconds that it is good; left out: until it is revoked")

  return {
    PasswordAction = object { action = one_of("reveal", "rotate") },
    Password = object({ name = text, username = text, password = text }, "name", "username", "password"),
    DeleteForm = object { data = one_of("keep", "delete") },
    Owner = object({
      kind = one_of("visitor", "owner", "user", "token", "admin"), ownerId = text, name = described(text, "A user's name, a token's label"),
      via = described(one_of("none", "bearer", "cookie", "proxy"), "By what the portal knows"), scopes = list_of(text),
      access = one_of("open", "invite", "forward-auth", "closed"), csrf = described(text, "For the field csrf of forms; good for a day"),
    }, "kind", "via", "access", "csrf"),
    OwnerName = object { owner = described(text, "For the admin: the id of the owner it is about") },
    Link = object({ link = described(text, "A path of this portal"), seconds = count, expiresAt = time }, "link", "seconds", "expiresAt"),
    LinkSecret = object({ link = described(text, "What stands behind /move/") }, "link"),
    OwnerKey = object { ownerKey = text, revoked = described(flag, "For the admin, who does not see the key") },
    Revoked = object({ revoked = flag }, "revoked"),
    RevokedRow = object({ id = text, revoked = flag }, "id", "revoked"),
    Left = object({ left = flag }, "left"),
    NewInvite = object { label = text, uses = { type = "integer", minimum = 1, default = 1 }, expiresIn = seconds },
    Invite = object({
      id = text, code = described(text, "Told when it is made, and never again"), label = text, uses = count,
      used = described(count, "Deployments that came of it and did not fail"),
      state = one_of("good", "used_up", "expired", "revoked"), createdAt = time, expiresAt = time, revokedAt = time,
    }, "id", "label", "uses", "used", "createdAt"),
    Invites = object({ invites = list_of(ref "Invite"), next = nullable "string" }, "invites", "next"),
    NewToken = object({ label = text, scopes = scopes, expiresIn = seconds, owner = described(text, "An owner's id") }, "label", "scopes"),
    Token = object({
      id = text, token = described(text, "Told when it is made, and never again"),
      state = one_of("good", "expired", "revoked"), label = text, scopes = list_of(text), ownerId = text,
      createdAt = time, expiresAt = time, revokedAt = time, usedAt = described(time, "The last use, to the minute"),
    }, "id", "label", "scopes", "ownerId", "createdAt"),
    Tokens = object({ tokens = list_of(ref "Token"), next = nullable "string" }, "tokens", "next"),
    Entry = object({
      id = count, at = time, who = one_of("admin", "owner", "user", "token", "visitor"), ownerId = text, whoName = text,
      network = described(text, "Where it came from: a /24, or a /64"), action = text, name = described(text, "The stack's, or an id"),
      deploymentId = text, allowed = flag, rule = described(text, "The rule of scripts/policy/access.lua that decided"),
      policy = described(text, "How often the scripts had been loaded, and when"), requestId = text,
    }, "id", "at", "who", "network", "action", "allowed", "rule", "policy", "requestId"),
    Audit = object({ entries = list_of(ref "Entry"), next = nullable "integer" }, "entries", "next"),
  }
end
