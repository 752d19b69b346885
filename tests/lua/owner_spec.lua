local portal = require "support.portal"

describe("who asks", function()
  local identity
  before_each(function()
    portal.start { secrets = { ADMIN_TOKEN = "the-admins-token" } }
    identity = require "lib.auth.identity"
  end)

  local function from(field) return identity.of(portal.request("GET", "/", { headers = { Authorization = field } })) end

  it("is a visitor without a key, also behind a proxy's password", function()
    assert.equal("visitor", from(nil).kind)
    assert.equal("visitor", from("Basic dXNlcjpwYXNz").kind)
    assert.equal("visitor", from("Bearer").kind)
    assert.equal("visitor", from("").kind)
  end)

  it("is an owner by the key that was made for the id", function()
    local id = identity.new_owner_id()
    assert.same({ kind = "owner", id = id, via = "bearer" }, from("Bearer " .. identity.owner_key(id)))
    assert.same({ kind = "owner", id = id, via = "bearer" }, from("bearer " .. identity.owner_key(id)))
    assert.equal(identity.owner_key(id), identity.owner_key(id))
    assert.not_equal(identity.owner_key(id), identity.owner_key(identity.new_owner_id()))
  end)

  it("is forged when the key was changed anywhere", function()
    local key = identity.owner_key(identity.new_owner_id())
    for _, bad in ipairs { key .. "x", "x" .. key, key:gsub("own_", "own"), key:gsub("%.", ""), "own_.x", "own_x.", "own_x.y", key:sub(1, -2) } do
      assert.equal("forged", from("Bearer " .. bad).kind, bad)
    end
    assert.equal("forged", from("Bearer own_" .. ("x"):rep(5000) .. ".y").kind)
  end)

  it("is not another owner by putting another's id in front of one's own signature", function()
    local mine, other = identity.new_owner_id(), identity.new_owner_id()
    local signature = identity.owner_key(mine):match("%.(.+)$")
    assert.equal("forged", from("Bearer own_" .. other .. "." .. signature).kind)
  end)

  it("is the admin by the token, whole", function()
    assert.equal("admin", from("Bearer the-admins-token").kind)
    assert.equal("forged", from("Bearer the-admins-toke").kind)
  end)

  it("is never the admin when there is no token", function()
    for _, secrets in ipairs { {}, { ADMIN_TOKEN = "" } } do
      portal.start { secrets = secrets }
      identity = require "lib.auth.identity"
      for _, token in ipairs { "x", "nil", "" } do assert.not_equal("admin", from("Bearer " .. token).kind) end
    end
  end)

  it("may do what is theirs; the admin may do all", function()
    assert.is_true(identity.can_manage({ kind = "owner", id = "a" }, "a"))
    assert.is_false(identity.can_manage({ kind = "owner", id = "a" }, "b"))
    assert.is_true(identity.can_manage({ kind = "admin" }, "b"))
    assert.is_false(identity.can_manage({ kind = "visitor" }, "b"))
    assert.is_false(identity.can_manage({ kind = "forged" }, "b"))
  end)
end)

describe("where a changing request comes from", function()
  local origin = require "lib.auth.origin"
  local function own(headers) return origin.is_own(portal.request("POST", "/", { headers = headers })) end

  it("is fine from a program, which says nothing", function() assert.is_true(own {}) end)

  it("is fine from the portal's own page", function()
    assert.is_true(own { ["Sec-Fetch-Site"] = "same-origin", Origin = "http://localhost:3000" })
    assert.is_true(own { ["Sec-Fetch-Site"] = "none" })
    assert.is_true(own { Origin = "https://portal.example", Host = "portal.example" })
    assert.is_true(own { Origin = "https://portal.example", Host = "Portal.Example:443" })
  end)

  local refused = {
    { ["Sec-Fetch-Site"] = "cross-site" },
    { ["Sec-Fetch-Site"] = "same-site", Origin = "http://portal.example:3000" },
    { Origin = "http://evil.example" },
    { Origin = "http://portal.example:3001" },
    { Origin = "http://portal.example.evil:3000" },
    { Origin = "null" },
    { Origin = "" },
    { Origin = "http://evil.example", ["Sec-Fetch-Site"] = "same-origin" },
  }
  for i, headers in ipairs(refused) do
    it(("is refused: %d"):format(i), function() assert.is_false(own(headers)) end)
  end
end)
