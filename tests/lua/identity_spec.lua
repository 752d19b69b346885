-- Who sent a request: keys, cookies, tokens, users of a proxy, and the client's address.
local address = require "lib.base.address"
local portal = require "support.portal"

local function start(settings, secrets)
  local fakes = portal.start { secrets = secrets or { ADMIN_TOKEN = "the-admins-token" } }
  fakes.log.warn = function(event) fakes.logged = event end
  for key, value in pairs(settings or {}) do fakes.config[key] = value end
  return require "lib.auth.identity", fakes
end

local function request(headers, peer)
  return portal.request("GET", "/", { headers = headers, peer = peer })
end

describe("a bearer token", function()
  local identity
  before_each(function() identity = start() end)

  local function of(field) return identity.of(request { Authorization = field }) end

  it("is absent in another scheme, which belongs to a proxy", function()
    for _, field in ipairs { "Basic dXNlcjpwYXNz", "Bearer", "" } do
      assert.equal("visitor", of(field).kind)
    end
    assert.equal("visitor", of(nil).kind)
  end)

  it("is an owner's with the key derived from the id", function()
    local id = identity.new_owner_id()
    local key = identity.owner_key(id)
    for _, scheme in ipairs { "Bearer ", "bearer " } do
      assert.same({
        kind = "owner", id = id, generation = 0, via = "bearer", network = "192.0.2.0/24",
        groups = {}, scopes = {},
      }, of(scheme .. key))
    end
    assert.equal(key, identity.owner_key(id))
    assert.not_equal(key, identity.owner_key(identity.new_owner_id()))
  end)

  it("is forged when the key is changed anywhere", function()
    local key = identity.owner_key(identity.new_owner_id())
    for _, bad in ipairs {
      key .. "x", "x" .. key, key:gsub("own_", "own"), key:gsub("%.", ""), "own_.x", "own_x.",
      "own_x.y", key:sub(1, -2), "own_" .. ("x"):rep(5000) .. ".y",
    } do
      assert.equal("forged", of("Bearer " .. bad).kind, bad)
    end
  end)

  it("is forged with another owner's id before one's own signature", function()
    local signature = identity.owner_key(identity.new_owner_id()):match("%.(.+)$")
    local other = "own_" .. identity.new_owner_id() .. "." .. signature
    assert.equal("forged", of("Bearer " .. other).kind)
  end)

  it("is the admin's only as a whole", function()
    assert.equal("admin", of("Bearer the-admins-token").kind)
    assert.equal("forged", of("Bearer the-admins-toke").kind)
  end)

  it("is never the admin's without ADMIN_TOKEN", function()
    for _, secrets in ipairs { {}, { ADMIN_TOKEN = "" } } do
      identity = start(nil, secrets)
      for _, token in ipairs { "x", "nil", "" } do
        assert.not_equal("admin", of("Bearer " .. token).kind)
      end
    end
  end)

  it("is not the admin's in production once ADMIN_TOKEN is short, nor the one before it", function()
    local secrets = { ADMIN_TOKEN = "the-admins-token" }
    identity = start({ production = true }, secrets)
    assert.equal("admin", of("Bearer the-admins-token").kind)
    secrets.ADMIN_TOKEN = "fifteen-letters"
    for _, token in ipairs { "fifteen-letters", "the-admins-token" } do
      assert.equal("forged", of("Bearer " .. token).kind)
    end
    assert.is_false(require("lib.auth.session").is_open())
  end)

  it("gives access to one's own; the admin's to everything", function()
    assert.is_true(identity.can_manage({ kind = "owner", id = "a" }, "a"))
    assert.is_true(identity.can_manage({ kind = "admin" }, "b"))
    for _, who in ipairs {
      { kind = "owner", id = "a" }, { kind = "visitor" }, { kind = "forged" },
    } do
      assert.is_false(identity.can_manage(who, "b"))
    end
  end)
end)

describe("the owner's cookie", function()
  local identity, fakes
  before_each(function() identity, fakes = start() end)

  local function of(cookie, host) return identity.of(request { Cookie = cookie, Host = host }) end
  local function restart()
    for name in pairs(package.loaded) do
      if name:find "^lib%.auth" then package.loaded[name] = nil end
    end
    return require "lib.auth.identity"
  end

  local function at(host) return request { Host = host } end

  it("is Secure, with the prefix, behind TLS only", function()
    local set = identity.set_cookie(at "localhost:3000", identity.owner_key "me")
    local attributes = "; Path=/; Max%-Age=%d+; HttpOnly; SameSite=Lax$"
    assert.truthy(set:find("^owner%-%x+=own_me%.[^;]+" .. attributes))
    local me = of(set:match "^[^;]+")
    assert.same({ "owner", "me", 0, "cookie" }, { me.kind, me.id, me.generation, me.via })
    fakes.config.stack.scheme = "https"
    identity = restart()
    set = identity.set_cookie(at "portal.example", identity.owner_key "me")
    assert.truthy(set:find "^__Host%-owner%-%x+=own_me%..*; Secure$")
    assert.equal("owner", of("a=b; " .. set:match "^[^;]+" .. "; c=d", "portal.example").kind)
    assert.equal("visitor", of((set:match "^__Host%-([^;]+)"), "portal.example").kind)
  end)

  it("counts under the name of 0.1, and is renewed then", function()
    local bare = "owner=" .. identity.owner_key "me"
    for host, old in pairs { ["localhost:3000"] = "__Host-" .. bare, ["p.example:3000"] = bare } do
      local req = request { Cookie = old, Host = host }
      assert.equal("owner", identity.of(req).kind)
      assert.truthy(req.renewed_cookie:find "^owner%-%x+=own_me%.")
    end
    assert.equal("visitor", of(bare, "localhost:3000").kind)
  end)

  it("counts as absent when it is invalid", function()
    local name = identity.set_cookie(at(), "k"):match "^[^=]+"
    for _, value in ipairs { name .. "=own_me.x", name .. "=", name .. "=the-token",
      "x" .. name .. "=" .. identity.owner_key "me",
      "owner-00000000=" .. identity.owner_key "me" } do
      assert.equal("visitor", of(value).kind, value)
    end
  end)

  it("is invalid after the key was changed", function()
    local old = identity.owner_key "me"
    fakes.shared.set("owner.generation:me", 1)
    assert.equal("visitor", of("__Host-owner=" .. old).kind)
    assert.equal("owner", of("__Host-owner=" .. identity.owner_key "me").kind)
    assert.equal(old, identity.owner_key("me", 0))
  end)
end)

describe("behind a proxy", function()
  local proxies = { address.block "10.0.0.0/8" }

  local function key_of(peer, forwarded)
    return require("lib.auth.client").of(request({ ["X-Forwarded-For"] = forwarded }, peer)).key
  end

  it("the client is the nearest address that is no trusted proxy", function()
    start { trusted_proxies = proxies }
    for _, case in ipairs {
      { "203.0.113.5", "203.0.113.5" }, { "203.0.113.5", "1.1.1.1, 203.0.113.5, 10.2.2.2" },
      { "203.0.113.5", "203.0.113.5:4711" }, { "10.9.9.9", "10.9.9.9,10.2.2.2" },
      { "10.0.0.1", "1.1.1.1, garbage" }, { "10.0.0.1", nil },
      { "2001:db8:1:2::/64", "[2001:db8:1:2::9]:443" },
    } do
      assert.equal(case[1], key_of("10.0.0.1", case[2]), case[2])
    end
  end)

  it("a peer proves with the secret that it is a trusted proxy", function()
    local function is_trusted(settings, secret, peer, sent)
      start(settings, { PROXY_SECRET = secret })
      local req = request({ ["X-Forwarded-For"] = "203.0.113.5", ["X-Proxy-Secret"] = sent }, peer)
      local from = require("lib.auth.client").of(req)
      if secret then assert.falsy(req.headers["x-proxy-secret"], "scripts may log it") end
      assert.equal(from.is_trusted and "203.0.113.5" or peer, from.key)
      return from.is_trusted
    end
    local one = { address.block "10.0.0.1" }
    for i, case in ipairs {
      { true, {}, "s3cret", "10.0.0.1", "s3cret" }, { false, {}, "s3cret", "10.0.0.1", "S3cret" },
      { false, {}, "s3cret", "10.0.0.1", nil }, { false, {}, "s3cret", "10.0.0.1", "" },
      { true, { trusted_proxies = one }, "s3cret", "10.0.0.1", "s3cret" },
      { false, { trusted_proxies = one }, "s3cret", "10.0.0.1", nil },
      { false, { trusted_proxies = one }, "s3cret", "10.0.0.2", "s3cret" },
      { true, { doubtful_proxies = proxies }, "s3cret", "10.0.0.2", "s3cret" },
      { false, { doubtful_proxies = proxies }, "s3cret", "11.0.0.2", "s3cret" },
      { false, { doubtful_proxies = proxies }, nil, "10.0.0.2", "s3cret" },
      { false, {}, nil, "10.0.0.2", "s3cret" },
    } do
      assert.equal(case[1], is_trusted(table.unpack(case, 2, 5)), tostring(i))
    end
  end)

  it("clients share limits, until a trusted proxy is there; public peers never", function()
    local fakes = select(2, start { trusted_proxies = { address.block "10.0.0.1" } })
    local client = require "lib.auth.client"
    local function of(peer, headers) return client.of(request(headers, peer)) end
    assert.is_false(of("10.0.0.2", {}).is_shared)
    assert.is_false(of("198.51.100.7", { ["X-Forwarded-For"] = "203.0.113.5" }).is_shared)
    assert.is_nil(client.untrusted_proxy())
    assert.is_true(of("10.0.0.2", { Forwarded = "for=203.0.113.5" }).is_shared)
    assert.is_true(of("10.0.0.2", {}).is_shared)
    assert.equal("10.0.0.2", client.untrusted_proxy())
    assert.equal("client.proxy_not_trusted", fakes.logged)
    of("10.0.0.1", { ["X-Forwarded-For"] = "203.0.113.5" })
    assert.is_nil(client.untrusted_proxy())
    assert.is_false(of("10.0.0.3", { ["X-Forwarded-For"] = "203.0.113.5" }).is_shared)
  end)

  it("the client is the peer when that is no trusted proxy", function()
    start { trusted_proxies = proxies }
    assert.equal("198.51.100.7", key_of("198.51.100.7", "203.0.113.5"))
    start { trusted_proxies = {} }
    assert.equal("10.0.0.1", key_of("10.0.0.1", "203.0.113.5"))
  end)

  local forward_auth = {
    user_header = "remote-user", name_header = "remote-name", email_header = "remote-email",
    groups_header = "remote-groups", admins = { "root" },
  }

  local function of(access, peer, headers)
    local settings = { access = access, trusted_proxies = proxies, forward_auth = forward_auth }
    return start(settings).of(request(headers, peer))
  end

  it("the proxy's name, e-mail address and groups are believed like the user", function()
    local headers = {
      ["Remote-User"] = "eve", ["Remote-Name"] = "Eve Adams", ["Remote-Email"] = "Eve@Example.com",
      ["Remote-Groups"] = "staff, ops|dev",
    }
    local eve = of("forward-auth", "10.0.0.1", headers)
    assert.same({ "Eve Adams", "eve@example.com" }, { eve.name, eve.email })
    assert.same({ "staff", "ops", "dev" }, eve.groups)
    assert.same({ true, nil }, { eve.groups.ops, eve.groups.admins })
    for _, other in ipairs { of("forward-auth", "203.0.113.5", headers),
      of("open", "10.0.0.1", headers) } do
      assert.same({ "visitor", {} }, { other.kind, other.groups })
      assert.is_nil(other.email)
    end
    headers["Remote-Email"] = "eve@a, mallory@b"
    assert.is_nil(of("forward-auth", "10.0.0.1", headers).email)
  end)

  it("the user is named by a trusted proxy, in forward-auth only", function()
    local eve = of("forward-auth", "10.0.0.1", { ["Remote-User"] = "eve" })
    assert.same({ "user", "eve", "proxy" }, { eve.kind, eve.user, eve.via })
    assert.same({ "eve", {} }, { eve.name, eve.groups })
    assert.is_nil(eve.email)
    assert.equal(eve.id, of("forward-auth", "10.0.0.1", { ["Remote-User"] = "eve" }).id)
    assert.not_equal(eve.id, of("forward-auth", "10.0.0.1", { ["Remote-User"] = "Eve" }).id)
    local root = { ["Remote-User"] = "root" }
    assert.equal("admin", of("forward-auth", "10.0.0.1", root).kind)
    assert.equal("visitor", of("forward-auth", "203.0.113.5", root).kind)
    root["X-Forwarded-For"] = "10.0.0.1"
    assert.equal("visitor", of("forward-auth", "203.0.113.5", root).kind)
    assert.equal("visitor", of("open", "10.0.0.1", { ["Remote-User"] = "root" }).kind)
  end)

  it("a repeated or malformed user name is refused", function()
    for _, value in ipairs { "eve, root", "eve\troot", " eve", "eve ", ("e"):rep(201) } do
      local found = of("forward-auth", "10.0.0.1", { ["Remote-User"] = value })
      assert.same({ "forged", "forward_user_invalid" }, { found.kind, found.code }, value)
    end
  end)
end)

describe("the origin of an unsafe request", function()
  local origin = require "lib.auth.origin"

  it("is own for a program and for the portal's own pages", function()
    for _, headers in ipairs {
      {}, { ["Sec-Fetch-Site"] = "none" },
      { ["Sec-Fetch-Site"] = "same-origin", Origin = "http://localhost:3000" },
      { Origin = "https://portal.example", Host = "portal.example" },
      { Origin = "https://portal.example", Host = "Portal.Example:443" },
    } do
      assert.is_true(origin.is_own(request(headers)))
    end
  end)

  it("is foreign for everything else", function()
    for i, headers in ipairs {
      { ["Sec-Fetch-Site"] = "cross-site" }, { Origin = "http://evil.example" },
      { Origin = "null" },
      { ["Sec-Fetch-Site"] = "same-site", Origin = "http://portal.example:3000" },
      { Origin = "http://portal.example:3001" }, { Origin = "http://portal.example.evil:3000" },
      { Origin = "" }, { Origin = "http://evil.example", ["Sec-Fetch-Site"] = "same-origin" },
    } do
      assert.is_false(origin.is_own(request(headers)), tostring(i))
    end
  end)
end)
