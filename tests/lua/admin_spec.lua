-- What the admin pages use: change events, log-in sessions, links and cells.
local portal = require "support.portal"

describe("change events", function()
  local changes, sent

  before_each(function()
    local fakes = portal.start {}
    sent = {}
    function fakes.sse.publish(channel, event)
      sent[#sent + 1] = { channel, event }
      return 1
    end
    function fakes.sse.subscribe(channel, how) return { channel = channel, how = how } end
    changes = require "lib.journal.change_events"
  end)

  local function kinds(reply)
    local list = {}
    for i, event in ipairs(reply.how.replay) do list[i] = event.data:match('"kind":"(%l+)"') end
    return list
  end

  it("are not sent without listeners, but each kind is remembered", function()
    local start = changes.now()
    for _, kind in ipairs { "stacks", "audit", "stacks" } do changes.changed(kind) end
    assert.same({}, sent)
    assert.same({ "audit", "stacks" }, kinds(changes.subscribe("me", start)))
    assert.same({ "stacks" }, kinds(changes.subscribe("me", start + 2)))
    assert.same({}, kinds(changes.subscribe("me", changes.now())))
  end)

  it("reach every listener with ascending ids", function()
    changes.subscribe("a", changes.now())
    changes.subscribe("b", changes.now())
    changes.changed "access"
    assert.same({ "to.a", "to.b" }, { sent[1][1], sent[2][1] })
    assert.equal('{"kind":"access"}', sent[1][2].data)
    changes.changed "audit"
    assert.is_true(sent[3][2].id > sent[1][2].id)
  end)

  it("from before the start are reported as all kinds", function()
    assert.same({ "all" }, kinds(changes.subscribe("me", changes.now() - 1)))
  end)

  it("end for one listener only when it is dismissed", function()
    changes.subscribe("a", changes.now())
    changes.subscribe("b", changes.now())
    changes.dismiss "a"
    assert.same({ "to.a", "over", true }, { sent[1][1], sent[1][2].event, sent[1][2].last })
    assert.same({ "b" }, changes.listeners())
  end)
end)

describe("the admin's session", function()
  local function start(secrets, found)
    local fakes = portal.start { secrets = secrets }
    fakes.store.answer = function(sql)
      return sql:find "^%s*SELECT hash" and { found } or { changes = 1 }
    end
    return require "lib.auth.session", fakes
  end

  it("is stored as a hash, with a mark of the token", function()
    local session, fakes = start { ADMIN_TOKEN = "the-token" }
    local cookie = session.begin(portal.request("POST", "/admin/login"), "192.0.2.0/24")
    local secret = cookie:match("^admin%-%x+=([^;]+);")
    local insert = fakes.store.ran[2]
    assert.equal(fakes.crypto.sha256(secret), insert[2])
    for _, value in ipairs(insert) do
      assert.is_nil(tostring(value):find("the-token", 1, true))
    end
  end)

  it("is found by the hash of its cookie, under the present token", function()
    local session, fakes = start({ ADMIN_TOKEN = "the-token" }, { hash = "h", expires_at = 1 })
    local headers = { cookie = "a=b; __Host-admin=abc; c=d" }
    assert.equal("h", session.of(portal.request("GET", "/admin", { headers = headers })).hash)
    assert.same({ fakes.crypto.sha256 "abc", fakes.crypto.sign("admin-session", "the-token") },
      { table.unpack(fakes.store.ran[1], 2) })
    assert.is_false(session.of(portal.request("GET", "/admin")))
  end)

  it("opens with the token only, and never without one", function()
    local session = start { ADMIN_TOKEN = "the-token" }
    assert.is_true(session.opens "the-token")
    assert.is_false(session.opens "the-toke")
    session = start {}
    assert.is_false(session.is_open())
    assert.is_false(session.opens "")
    assert.is_false((session.find "h"))
  end)
end)

describe("parts of the admin pages", function()
  local parts, view
  before_each(function()
    portal.start {}
    parts = require "lib.admin.parts"
    view = {
      language = "en", csrf = "t", path = "/admin/stacks",
      query = { search = "a b", after = "x" },
    }
  end)

  it("link to a filter's first page and keep the other filters", function()
    local choices = { { "", "All", 3 }, { "ready", "<ready>", 1 } }
    local html = parts.chips(view, "state", "admin.state", choices).html
    assert.truthy(html:find('href="/admin/stacks?search=a%20b&amp;state=ready"', 1, true))
    assert.truthy(html:find("&lt;ready&gt;", 1, true))
    assert.is_nil(html:find("after=", 1, true))
  end)

  it("escape a cell's text and label it for a narrow screen", function()
    local list = {
      caption = "admin.nav.stacks", { "admin.stack", "name" }, { "admin.owner", "owner" },
    }
    local html = parts.list(view, list, { { name = "<b>" } })[1].html
    assert.truthy(html:find("&lt;b&gt;", 1, true))
    assert.truthy(html:find('data-label="Owner"', 1, true))
  end)
end)
