-- What a request brings: bodies, forms, query parameters.
local portal = require "support.portal"

local anna, visitor = { kind = "owner", id = "anna" }, { kind = "visitor" }

describe("a body", function()
  local read
  before_each(function()
    portal.start()
    local input, refusal = require "lib.http.input", require "lib.base.refusal"
    local schema = require("lib.http.schemas").components.Deploy
    -- The values, or the refusal's code and field.
    function read(more)
      local is_good, found =
        refusal.catch(input.body, portal.request("POST", "/api/deploy", more), schema)
      if is_good then return found end
      return found.code, found.options.field
    end
  end)

  local json = { ["Content-Type"] = "application/json" }
  local refused = {
    { { body = "{", headers = json }, "json_invalid" },
    { { headers = json }, "json_invalid" },
    { { body = "[]", headers = json }, "json_invalid" },
    { { body = '["name"]', headers = json }, "json_invalid" },
    { { body = '"anna"', headers = json }, "json_invalid" },
    { { body = "null", headers = json }, "json_invalid" },
    { { body = '{"name":"anna"}' }, "content_type" },
    { { body = '{"name":"anna"}', headers = { ["Content-Type"] = "text/plain" } }, "content_type" },
    { { json = { name = "anna", nmae = "x" } }, "field_unknown", "nmae" },
    { { body = "{}", headers = json }, "field_missing", "name" },
    { { json = { name = 5 } }, "field_type", "name" },
    { { body = '{"name":null}', headers = json }, "field_type", "name" },
    { { json = { name = { a = 1 } } }, "field_type", "name" },
    { { json = { name = "anna", template = 7 } }, "field_type", "template" },
  }
  for _, case in ipairs(refused) do
    it(("is refused: %s %s"):format(case[2], case[1].body or ""), function()
      assert.same({ case[2], case[3] }, { read(case[1]) })
    end)
  end

  it("may have null for a field that may be absent, and a type with a parameter", function()
    local headers = { ["Content-Type"] = "Application/JSON; charset=utf-8" }
    local body = '{"name":"anna","template":null}'
    assert.same({ name = "anna" }, read { body = body, headers = headers })
  end)
end)

describe("values", function()
  local input, refusal
  before_each(function()
    portal.start()
    input, refusal = require "lib.http.input", require "lib.base.refusal"
  end)

  local function read(name, json)
    local schema = require("lib.http.schemas").components[name]
    local is_good, found =
      refusal.catch(input.body, portal.request("POST", "/", { json = json }), schema)
    return is_good and "good" or found.code .. " " .. found.options.args.good
  end

  it("must be among those of the schema, and within its bounds", function()
    local cases = {
      { "NewInvite", { label = ("x"):rep(100), uses = 1, expiresIn = 1 }, "good" },
      { "NewInvite", { label = ("x"):rep(101) }, "value_invalid at most 100 characters" },
      { "NewInvite", { label = "a\nb" }, "value_invalid at most 100 characters" },
      { "NewInvite", { uses = 0 }, "value_invalid 1, ..., 100000" },
      { "NewInvite", { uses = 1.5 }, "value_invalid 1, ..., 100000" },
      { "OwnerName", { owner = "a b" }, "value_invalid an owner's id" },
      { "DeleteData", { data = "burn" }, "value_invalid keep, delete" },
      { "AdoptFindings", { ids = { 1, 2 } }, "good" },
      { "AdoptFindings", { ids = { "x" } }, "value_invalid [1, 2, ...]" },
    }
    for _, case in ipairs(cases) do assert.equal(case[3], read(case[1], case[2])) end
  end)

  local function query(values, is_lenient)
    local parameters = require "lib.http.parameters"
    local list = { parameters.limit, parameters.search, parameters.before, parameters.allowed }
    return select(2, refusal.catch(input.query, { query = values }, list, is_lenient))
  end

  it("of a query are read as their type, and refused when they are invalid", function()
    assert.same({ limit = 50, search = "x" }, query { search = "x", other = "y" })
    assert.same({ limit = 3, before = 7, allowed = false },
      query { limit = "3", before = "7", allowed = "false" })
    for _, bad in ipairs {
      { limit = "0" }, { limit = "201" }, { limit = "1e2" }, { limit = "-1" }, { before = "x" },
      { before = "9999999999999999" }, { allowed = "1" }, { search = ("x"):rep(201) },
    } do
      assert.equal("value_invalid", query(bad).code)
    end
  end)

  it("of a page's query are ignored when they are invalid", function()
    local values = { search = "x", limit = "0", before = "x" }
    assert.same({ limit = 50, search = "x" }, query(values, true))
  end)
end)

describe("a form", function()
  local csrf, form
  before_each(function()
    portal.start()
    csrf, form = require "lib.auth.csrf", require "lib.http.form"
  end)

  it("carries its sender's token; a visitor's only where the content is the credential", function()
    assert.is_true(csrf.is_valid(anna, csrf.token(anna)))
    assert.is_false(csrf.is_valid(anna, csrf.token(visitor)))
    assert.is_true(csrf.is_valid(anna, csrf.token(visitor), true))
    assert.is_true(csrf.is_valid(visitor, csrf.token(visitor)))
    assert.is_false(csrf.is_valid(visitor, csrf.token(anna)))
    local bob = csrf.token { kind = "owner", id = "bob" }
    assert.is_false(csrf.is_valid(anna, bob, true))
    assert.is_false(csrf.is_valid(anna, bob))
    local own = csrf.token(anna)
    for _, bad in ipairs { "", "x", "1.2", "99999." .. own, own .. "x" } do
      assert.is_false(csrf.is_valid(anna, bad), bad)
    end
    assert.is_false(csrf.is_valid(anna, nil))
  end)

  it("of the admin carries the token of one session", function()
    local one, other = { kind = "admin", session = "one" }, { kind = "admin", session = "other" }
    assert.is_true(csrf.is_valid(one, csrf.token(one)))
    assert.is_false(csrf.is_valid(one, csrf.token(other)))
    assert.is_false(csrf.is_valid(one, csrf.token(visitor)))
    assert.is_false(csrf.is_valid(one, csrf.token(visitor), true))
  end)

  it("is valid for one to two days", function()
    local time, now, token = os.time, os.time(), csrf.token(anna)
    local valid = {}
    for day = 1, 2 do
      os.time = function() return now + day * 86400 end -- luacheck: ignore
      valid[day] = csrf.is_valid(anna, token)
    end
    os.time = time -- luacheck: ignore
    assert.same({ true, false }, valid)
  end)

  it("is decoded as browsers encode it", function()
    local text = "name=a+b%26c&template=%C3%A9&invite="
    assert.same({ name = "a b&c", template = "é" }, form.fields(text))
    for _, bad in ipairs { "a=1&a=2", "a=%00", "a=%ff" } do assert.is_nil(form.fields(bad), bad) end
    assert.same({}, form.fields "")
  end)

  it("without a valid token is refused", function()
    local input, refusal = require "lib.http.input", require "lib.base.refusal"
    local schema = require("lib.http.schemas").components.NewInvite
    local function read(text)
      local headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }
      local req = portal.request("POST", "/", { body = text, headers = headers })
      return select(2, refusal.catch(input.body, req, schema))
    end
    local token = "&csrf=" .. csrf.token(visitor)
    assert.equal("content_type", read("uses=3").code) -- no page of the portal makes such a form
    assert.equal("csrf_invalid", read("uses=3&csrf=x").code)
    assert.same({ uses = 3 }, read("uses=3" .. token))
    assert.equal("value_invalid", read("uses=three" .. token).code)
    assert.equal("field_unknown", read("uses=3&more=x" .. token).code)
  end)
end)
