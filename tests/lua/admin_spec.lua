-- What the admin's page stands on: the feed of changes, the session's cookie and token, filters, links and cells.
local portal = require "support.portal"

describe("lib/feed", function()
  local fakes, feed, sent

  before_each(function()
    fakes = portal.start {}
    sent = {}
    fakes.sse.publish = function(channel, event) sent[#sent + 1] = { channel, event } return 1 end
    fakes.sse.subscribe = function(channel, how) return { channel = channel, how = how } end
    feed = require "lib.journal.change_events"
  end)

  local function kinds(reply)
    local list = {}
    for i, event in ipairs(reply.how.replay) do list[i] = event.data:match('"kind":"(%l+)"') end
    return list
  end

  it("tells nobody while nobody listens, and remembers which kinds changed", function()
    local start = feed.now()
    for _, kind in ipairs { "stacks", "audit", "stacks" } do feed.changed(kind) end
    assert.same({}, sent)
    assert.same({ "audit", "stacks" }, kinds(feed.subscribe("me", start)))
    assert.same({ "stacks" }, kinds(feed.subscribe("me", start + 2)))
    assert.same({}, kinds(feed.subscribe("me", feed.now())))
  end)

  it("tells all who listen, by rising numbers", function()
    feed.subscribe("a", feed.now())
    feed.subscribe("b", feed.now())
    feed.changed "access"
    assert.same({ "to.a", "to.b" }, { sent[1][1], sent[2][1] })
    assert.equal('{"kind":"access"}', sent[1][2].data)
    feed.changed "audit"
    assert.is_true(sent[3][2].id > sent[1][2].id)
  end)

  it("does not know what changed before the start, and says so", function()
    assert.same({ "all" }, kinds(feed.subscribe("me", feed.now() - 1)))
  end)

  it("sends one away, and no other", function()
    feed.subscribe("a", feed.now())
    feed.subscribe("b", feed.now())
    feed.dismiss "a"
    assert.same({ "to.a", "over", true }, { sent[1][1], sent[1][2].event, sent[1][2].last })
    assert.same({ "b" }, feed.listeners())
  end)
end)

describe("lib/session", function()
  local function start(secrets, found)
    local fakes = portal.start { secrets = secrets }
    fakes.store.answer = function(sql) return sql:find("^%s*SELECT hash") and { found } or { changes = 1 } end
    return require "lib.auth.session", fakes
  end

  it("is kept by its hash, with a mark of the token, and neither of them as it is", function()
    local session, fakes = start { ADMIN_TOKEN = "the-token" }
    local cookie = session.begin(portal.request("POST", "/admin/login"), "192.0.2.0/24")
    local secret = cookie:match("^__Host%-admin=([^;]+);")
    assert.truthy(secret)
    local insert = fakes.store.ran[2]
    assert.equal(fakes.crypto.sha256(secret), insert[2])
    for _, value in ipairs(insert) do assert.is_nil(tostring(value):find("the-token", 1, true)) end
  end)

  it("is looked for by the hash of its cookie, under the token of now", function()
    local session, fakes = start({ ADMIN_TOKEN = "the-token" }, { hash = "h", expires_at = 1 })
    local req = portal.request("GET", "/admin", { headers = { cookie = "a=b; __Host-admin=abc; c=d" } })
    assert.equal("h", session.of(req).hash)
    assert.same({ fakes.crypto.sha256 "abc", fakes.crypto.sign("admin-session", "the-token") }, { table.unpack(fakes.store.ran[1], 2) })
    assert.is_false(session.of(portal.request("GET", "/admin")))
  end)

  it("opens with the token alone, and never without one", function()
    local session = start { ADMIN_TOKEN = "the-token" }
    assert.is_true(session.opens "the-token")
    assert.is_false(session.opens "the-toke")
    session = start {}
    assert.is_false(session.is_open())
    assert.is_false(session.opens "")
    assert.is_false((session.find "h"))
  end)
end)

describe("lib/admin/parts", function()
  local parts, view
  before_each(function()
    portal.start {}
    parts = require "lib.admin.parts"
    view = { language = "en", csrf = "t", path = "/admin/stacks", query = { search = "a b", after = "x" } }
  end)

  it("makes links that keep the filter and begin at its first page", function()
    local html = parts.chips(view, "state", "State", { { "", "All", 3 }, { "ready", "<ready>", 1 } }).html
    assert.truthy(html:find('href="/admin/stacks?search=a%20b&amp;state=ready"', 1, true))
    assert.truthy(html:find("&lt;ready&gt;", 1, true))
    assert.is_nil(html:find("after=", 1, true))
  end)

  it("escapes what stands in a cell, and gives each its label for a narrow screen", function()
    local html = parts.table(view, "admin.nav.stacks", { { "admin.stack", head = true }, { "admin.owner" } }, { { id = "r", "<b>", nil } }).html
    assert.truthy(html:find("&lt;b&gt;", 1, true))
    assert.truthy(html:find('data-label="Owner"', 1, true))
  end)
end)
