-- What proxies report: the lists of X-Forwarded-* and of Forwarded, and hosts.
local forwarded = require "lib.base.forwarded"
local host = require "lib.base.host"

describe("the fields of proxies", function()
  local function addresses(headers) return table.concat(forwarded.read(headers).addresses, " ") end

  it("are lists, the nearest proxy's word last", function()
    assert.equal("1.1.1.1 2.2.2.2", addresses { ["x-forwarded-for"] = " 1.1.1.1,2.2.2.2 " })
    local text = 'for=1.1.1.1;proto=https, For="[2001:db8::1]:80" ;by=x, for="_a\\"b,;c",host=h'
    local found = forwarded.read { forwarded = text }
    assert.same({ "1.1.1.1", "[2001:db8::1]:80", '_a"b,;c', "" }, found.addresses)
    assert.same({ "https", "", "", "" }, found.protos)
    assert.same({ "", "", "", "h" }, found.hosts)
  end)

  it("say nothing when Forwarded is malformed, or another field is there as well", function()
    for _, text in ipairs {
      "", ",", "for", "for=", "for=a,", "for=a;;", "for=a b", "=a",
      'for="a', 'for="a\\', 'for=a"b"',
    } do
      assert.equal("", addresses { forwarded = text }, text)
    end
    local both = { forwarded = "for=1.1.1.1", ["x-forwarded-proto"] = "http" }
    assert.equal("", addresses(both))
  end)

  it("give the outermost trusted proxy's value", function()
    local function value(protos, hops, hop)
      local list = {}
      for i = 1, hops do list[i] = "a" end
      return forwarded.value({ addresses = list }, protos, hop)
    end
    assert.equal("b", value({ "a", "b", "c" }, 3, 2))
    assert.equal("a", value({ "a", "b" }, 3, 2))
    assert.equal("a", value({ "a", "b" }, 0, 1))
    assert.is_nil(value({}, 0, 1))
    assert.is_nil(value({ "" }, 1, 1))
  end)
end)

describe("hosts", function()
  it("are compared without case, port and the root's dot", function()
    for text, expected in pairs {
      ["A.Example.COM."] = "a.example.com ", ["a.example:80"] = "a.example 80",
      ["a.example.:80"] = "a.example 80", ["[::1]:80"] = "[::1] 80", ["a:"] = "a ",
      ["a..b."] = "a..b ",
    } do
      local name, port = host.split(text)
      assert.equal(expected, name .. " " .. (port or ""), text)
    end
    for _, text in ipairs { "", ".", ":80", "a b", "a/b", "a:b", "[::1", "user@a" } do
      assert.is_nil(host.split(text), text)
    end
    assert.equal("a.example", host.of_url "https://A.example.:8443/x?y")
    assert.equal("", host.of_url "a.example")
  end)
end)
