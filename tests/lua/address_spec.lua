local address = require "lib.base.address"

describe("addresses", function()
  it("are parsed in all their forms", function()
    assert.equal("\192\0\2\7", address.parse "192.0.2.7")
    assert.equal(("\0"):rep(15) .. "\1", address.parse "::1")
    assert.equal(("\0"):rep(16), address.parse "::")
    assert.equal("\x20\x01\x0d\xb8" .. ("\0"):rep(10) .. "\0\1", address.parse "2001:db8::1")
    assert.equal(address.parse "2001:db8:0:0:0:0:0:1", address.parse "2001:DB8::1")
    assert.equal("\192\0\2\7", address.parse "::ffff:192.0.2.7")
    assert.equal("\192\0\2\7", address.parse "::ffff:c000:207")
    assert.equal(16, #address.parse "64:ff9b::192.0.2.7")
  end)

  it("are refused when malformed", function()
    local malformed = {
      "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", "::1::", ":::", "1:2:3:4:5:6:7",
      "1:2:3:4:5:6:7:8:9", "1:2:3:4::5:6:7:8", "12345::", "g::", "::1%eth0", "localhost",
      "1.2.3.-4", "::1.2.3.256", ("1"):rep(60),
    }
    for _, text in ipairs(malformed) do
      assert.is_nil(address.parse(text), text)
    end
  end)

  it("are private or public", function()
    local private = {
      "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.1.1",
      "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1",
    }
    for _, text in ipairs(private) do
      assert.is_true(address.is_private(address.parse(text)), text)
    end
    local public = {
      "128.0.0.1", "11.0.0.1", "172.15.0.1", "172.32.0.1", "192.169.0.1", "::2", "2001:db8::1",
      "fe00::1", "::",
    }
    for _, text in ipairs(public) do
      assert.is_false(address.is_private(address.parse(text)), text)
    end
  end)

  it("count as one client: an IPv4 address, a /64 of IPv6", function()
    local function client(text) return address.client(address.parse(text)) end
    local function site(text) return address.site(address.parse(text)) end
    assert.equal("192.0.2.7", client "192.0.2.7")
    assert.equal(client "2001:db8:1:2::1", client "2001:db8:1:2:ffff:ffff:ffff:ffff")
    assert.not_equal(client "2001:db8:1:2::1", client "2001:db8:1:3::1")
    assert.is_nil(site "192.0.2.7")
    assert.equal(site "2001:db8:1:2::1", site "2001:db8:1:3::1")
    assert.not_equal(site "2001:db8:1:2::1", site "2001:db8:2:2::1")
    assert.equal("192.0.2.0/24", address.network(address.parse "192.0.2.7"))
    assert.equal("2001:db8:1:2::/64", address.network(address.parse "2001:db8:1:2::7"))
  end)

  it("are in a network or not", function()
    local function within(text, ...)
      local blocks = {}
      for i, block in ipairs { ... } do blocks[i] = assert(address.block(block), block) end
      return address.within(address.parse(text), blocks)
    end
    assert.is_true(within("172.18.3.4", "10.0.0.0/8", "172.16.0.0/12"))
    assert.is_false(within("172.32.0.1", "172.16.0.0/12"))
    assert.is_true(within("10.0.0.1", "10.0.0.1"))
    assert.is_false(within("10.0.0.2", "10.0.0.1"))
    assert.is_true(within("2001:db8:ffff::1", "2001:db8::/32"))
    assert.is_false(within("10.0.0.1", "::/0"))
    assert.is_true(within("10.0.0.1", "0.0.0.0/0"))
    assert.is_true(within("::ffff:10.0.0.1", "10.0.0.0/8"))
    for _, bad in ipairs { "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/", "10.0.0.0/8/8", "/8" } do
      assert.is_nil(address.block(bad), bad)
    end
  end)
end)
