-- Tests which outgoing requests go through the proxy.
describe("an outgoing request", function()
  local sent, outgoing, config
  local faked = { "core.config", "core.http", "lib.base.outgoing" }
  before_each(function()
    config = { outgoing_proxy = "http://proxy.test:3128", outgoing_direct = { "corp.test" } }
    package.loaded["core.config"] = config
    package.loaded["core.http"] = { request = function(options) sent = options end }
    outgoing = require "lib.base.outgoing"
  end)
  after_each(function()
    for _, name in ipairs(faked) do package.loaded[name] = nil end
  end)

  local function proxy_of(url, connect_to)
    outgoing.request { url = url, connect_to = connect_to }
    return sent.proxy
  end

  it("goes through the proxy to what is far", function()
    for _, url in ipairs {
      "https://ghcr.io/v2/", "https://notcorp.test/", "http://8.8.8.8:80/",
      "https://[2001:db8::1]/", "https://localhost.example.com", "https://10.example.com/",
    } do
      assert.equal("http://proxy.test:3128", proxy_of(url), url)
    end
  end)

  it("goes straight to what is near", function()
    for _, url in ipairs {
      "http://127.0.0.1:3000/api", "http://localhost:3000", "http://anna.localhost:3100/",
      "http://dokploy:3000/api", "http://10.1.2.3/", "http://192.168.1.1", "http://[::1]:3000/",
      "http://[fd00::1]/", "https://corp.test", "https://Dokploy.Corp.Test./api",
    } do
      assert.is_nil(proxy_of(url), url)
    end
    assert.is_nil(proxy_of("https://anna.ai.test/", "traefik:443"))
  end)

  it("goes straight everywhere without one", function()
    config.outgoing_proxy = nil
    assert.is_nil(proxy_of("https://ghcr.io/v2/"))
  end)
end)
