-- The rules of policy/access.lua beyond the examples that stand in it, and who is believed to be who.
local portal = require "support.portal"

describe("the examples beside the rules", function()
  it("hold", function()
    portal.start()
    require "lib.auth.access"
    require "policy.limits"
    assert.same({}, require("lib.base.check").check())
  end)

  it("tell a rule that was changed by mistake, with the place and the cure", function()
    portal.start()
    require "lib.auth.access"
    table.remove(require("policy.access").rules, 2) -- admin_may_all
    local faults = require("lib.base.check").check()
    assert.truthy(#faults > 0)
    assert.truthy(faults[1]:find("scripts/policy/access.lua: example", 1, true))
    assert.truthy(faults[1]:find("mend the rule", 1, true))
  end)
end)

describe("access", function()
  local access
  before_each(function()
    portal.start()
    access = require "lib.auth.access"
  end)

  it("is given to nobody for an act that no rule knows", function()
    for _, who in ipairs { { kind = "owner", id = "a" }, { kind = "user", id = "a" }, { kind = "token", id = "a", scopes = { create = true, read = true } } } do
      assert.is_false((access.decide(who, "burn_it_down", { mode = "open", owner_id = "a" })))
    end
    assert.is_true((access.decide({ kind = "admin" }, "burn_it_down", { mode = "open" })))
  end)

  it("never lets a stack without an owner's id be a stranger's", function()
    for action in pairs { look = 1, delete = 1, stop = 1, reveal = 1, rotate = 1, cancel = 1 } do
      assert.is_false((access.decide({ kind = "visitor" }, action, { mode = "open" })), action)
      assert.is_false((access.decide({ kind = "owner", id = "a" }, action, { mode = "open" })), action)
    end
  end)

  it("names the rule that decided", function()
    local _, rule = access.decide({ kind = "owner", id = "a" }, "delete", { mode = "open", owner_id = "a" })
    assert.equal("owner", rule)
    _, rule = access.decide({ kind = "visitor" }, "deploy", { mode = "open" })
    assert.equal("mode", rule)
  end)
end)

describe("who is behind a proxy", function()
  local function start(settings)
    local fakes = portal.start { secrets = { ADMIN_TOKEN = "t" } }
    for key, value in pairs(settings) do fakes.config[key] = value end
    return require "lib.auth.client", require "lib.auth.identity"
  end
  local address = require "lib.base.address"
  local proxies = { address.block "10.0.0.0/8" }

  local function key_of(client, peer, forwarded)
    return client.of(portal.request("GET", "/", { peer = peer, headers = { ["X-Forwarded-For"] = forwarded } })).key
  end

  it("is the nearest address that is no trusted proxy", function()
    local client = start { trusted_proxies = proxies }
    assert.equal("203.0.113.5", key_of(client, "10.0.0.1", "203.0.113.5"))
    assert.equal("203.0.113.5", key_of(client, "10.0.0.1", "1.1.1.1, 203.0.113.5, 10.2.2.2"))
    assert.equal("203.0.113.5", key_of(client, "10.0.0.1", "203.0.113.5:4711"))
    assert.equal("10.9.9.9", key_of(client, "10.0.0.1", "10.9.9.9,10.2.2.2"))
    assert.equal("10.0.0.1", key_of(client, "10.0.0.1", "1.1.1.1, garbage"))
    assert.equal("10.0.0.1", key_of(client, "10.0.0.1", nil))
    assert.equal("2001:db8:1:2::/64", key_of(client, "10.0.0.1", "[2001:db8:1:2::9]:443"))
  end)

  it("is whoever connects, when that is no trusted proxy", function()
    local client = start { trusted_proxies = proxies }
    assert.equal("198.51.100.7", key_of(client, "198.51.100.7", "203.0.113.5"))
    client = start { trusted_proxies = {} }
    assert.equal("10.0.0.1", key_of(client, "10.0.0.1", "203.0.113.5"))
  end)

  local function who(settings, peer, headers)
    local _, identity = start(settings)
    return identity.of(portal.request("GET", "/", { peer = peer, headers = headers }))
  end
  local forward = { access = "forward-auth", trusted_proxies = proxies, forward_auth = { user_header = "remote-user", admins = { "root" } } }

  it("is the user whom a trusted proxy names, in forward-auth only", function()
    local eve = who(forward, "10.0.0.1", { ["Remote-User"] = "eve" })
    assert.same({ "user", "eve", "proxy" }, { eve.kind, eve.name, eve.via })
    assert.equal(eve.id, who(forward, "10.0.0.1", { ["Remote-User"] = "eve" }).id)
    assert.not_equal(eve.id, who(forward, "10.0.0.1", { ["Remote-User"] = "Eve" }).id)
    assert.equal("admin", who(forward, "10.0.0.1", { ["Remote-User"] = "root" }).kind)
    assert.equal("visitor", who(forward, "203.0.113.5", { ["Remote-User"] = "eve" }).kind)
    assert.equal("visitor", who(forward, "203.0.113.5", { ["Remote-User"] = "root", ["X-Forwarded-For"] = "10.0.0.1" }).kind)
    local open = { access = "open", trusted_proxies = proxies, forward_auth = forward.forward_auth }
    assert.equal("visitor", who(open, "10.0.0.1", { ["Remote-User"] = "root" }).kind)
  end)

  it("is nobody when the field came twice or is no plain name", function()
    for _, value in ipairs { "eve, root", "eve\troot", " eve", "eve ", ("e"):rep(201) } do
      local found = who(forward, "10.0.0.1", { ["Remote-User"] = value })
      assert.same({ "forged", "forward_user_invalid" }, { found.kind, found.code }, value)
    end
  end)
end)

describe("the owner's cookie", function()
  local identity
  local function from(cookie, host) return identity.of(portal.request("GET", "/", { headers = { Cookie = cookie, Host = host } })) end

  it("is Secure, with the prefix, on this machine and behind TLS", function()
    portal.start()
    identity = require "lib.auth.identity"
    local req = portal.request("POST", "/", { headers = { Host = "localhost:3000" } })
    local set = identity.set_cookie(req, identity.owner_key "me")
    for _, part in ipairs { "__Host-owner=own_me.", "Path=/", "HttpOnly", "SameSite=Strict", "Secure" } do assert.truthy(set:find(part, 1, true), part) end
    assert.same({ "owner", "me", "cookie" }, { from(set:match "^[^;]+").kind, from(set:match "^[^;]+").id, from(set:match "^[^;]+").via })
  end)

  it("of the bare name counts only where there can be no other", function()
    local fakes
    portal.start()
    identity = require "lib.auth.identity"
    local bare = "owner=" .. identity.owner_key "me"
    assert.equal("visitor", from(bare, "localhost:3000").kind)
    assert.equal("owner", from(bare, "portal.example:3000").kind)
    assert.equal("visitor", from("__Host-owner=" .. identity.owner_key "me", "portal.example:3000").kind)
    fakes = portal.start()
    fakes.config.stack.scheme = "https"
    identity = require "lib.auth.identity"
    assert.equal("visitor", from(bare, "portal.example").kind)
    assert.equal("owner", from("a=b; __Host-owner=" .. identity.owner_key "me" .. "; c=d", "portal.example").kind)
  end)

  it("that is no longer good is as none", function()
    portal.start()
    identity = require "lib.auth.identity"
    for _, cookie in ipairs { "__Host-owner=own_me.x", "__Host-owner=", "__Host-owner=the-token", "x__Host-owner=" .. identity.owner_key "me" } do
      assert.equal("visitor", from(cookie).kind, cookie)
    end
  end)

  it("is worthless after the key was changed, as the key is", function()
    local fakes = portal.start()
    identity = require "lib.auth.identity"
    local old = identity.owner_key "me"
    fakes.shared.set("owner.generation:me", 1)
    assert.equal("visitor", from("__Host-owner=" .. old).kind)
    assert.equal("owner", from("__Host-owner=" .. identity.owner_key "me").kind)
    assert.equal(old, identity.owner_key("me", 0))
  end)
end)

describe("a form", function()
  local csrf, form
  before_each(function()
    portal.start()
    csrf, form = require "lib.auth.csrf", require "lib.http.form"
  end)
  local anna, visitor = { kind = "owner", id = "anna" }, { kind = "visitor" }

  it("carries a token that is its sender's; a visitor's only where it proves itself", function()
    assert.is_true(csrf.is_valid(anna, csrf.token(anna)))
    assert.is_false(csrf.is_valid(anna, csrf.token(visitor)))
    assert.is_true(csrf.is_valid(anna, csrf.token(visitor), true))
    assert.is_true(csrf.is_valid(visitor, csrf.token(visitor)))
    assert.is_false(csrf.is_valid(anna, csrf.token { kind = "owner", id = "bob" }, true))
    assert.is_false(csrf.is_valid(anna, csrf.token { kind = "owner", id = "bob" }))
    assert.is_false(csrf.is_valid(visitor, csrf.token(anna)))
    for _, bad in ipairs { "", "x", "1.2", "99999." .. csrf.token(anna), csrf.token(anna) .. "x" } do assert.is_false(csrf.is_valid(anna, bad), bad) end
    assert.is_false(csrf.is_valid(anna, nil))
  end)

  it("is good for a day and a bit", function()
    local now, token = os.time(), csrf.token(anna)
    local time = os.time
    os.time = function() return now + 86400 end -- luacheck: ignore
    local tomorrow = csrf.is_valid(anna, token)
    os.time = function() return now + 2 * 86400 end -- luacheck: ignore
    local later = csrf.is_valid(anna, token)
    os.time = time -- luacheck: ignore
    assert.is_true(tomorrow)
    assert.is_false(later)
  end)

  it("is decoded as browsers encode it", function()
    assert.same({ name = "a b&c", template = "é" }, form.fields "name=a+b%26c&template=%C3%A9&invite=")
    for _, bad in ipairs { "a=1&a=2", "a=%00", "a=%ff" } do assert.is_nil(form.fields(bad), bad) end
    assert.same({}, form.fields "")
  end)

  it("without a token is refused", function()
    local input, refusal = require "lib.http.input", require "lib.base.refusal"
    local schema = { type = "object", properties = { name = { type = "string" } }, required = { "name" } }
    local function read(text)
      local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
      local req = portal.request("POST", "/", { body = text, headers = headers })
      return select(2, refusal.catch(input.body, req, schema))
    end
    assert.equal("csrf_invalid", read("name=anna").code)
    assert.same({ name = "anna" }, read("name=anna&csrf=" .. csrf.token(visitor)))
    assert.equal("field_unknown", read("name=anna&more=x&csrf=" .. csrf.token(visitor)).code)
  end)
end)
