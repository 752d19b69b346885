-- Traefik's file for the portal, with the middleware that sends the secret.
local outline = require "lib.base.outline"
local support = require "support.portal"

-- As Dokploy 0.26.5 and 0.30.2 were recorded to write it.
local RECORDED = [[
http:
  routers:
    portal-a1b2c3-router-1:
      rule: Host(`portal.example.com`)
      service: portal-a1b2c3-service-1
      middlewares:
        - redirect-to-https
      entryPoints:
        - web
    portal-a1b2c3-router-websecure-1:
      rule: Host(`portal.example.com`)
      service: portal-a1b2c3-service-1
      middlewares: []
      entryPoints:
        - websecure
      tls:
        certResolver: letsencrypt
  services:
    portal-a1b2c3-service-1:
      loadBalancer:
        servers:
          - url: http://portal-a1b2c3:3000
        passHostHeader: true
]]

local fields = { "X-User", "X-Groups" }

describe("Traefik's file", function()
  local proxy
  before_each(function()
    support.start { modules = { ["lib.release"] = {}, ["lib.base.dotenv"] = {} } }
    proxy = require "lib.release.proxy"
  end)

  it("is kept line by line", function()
    assert.equal(RECORDED, outline.text(outline.parse(RECORDED)))
  end)

  it("gets the middleware, named by the router that serves the portal", function()
    local expected = RECORDED:gsub("middlewares: %[%]", "middlewares:\n        - p-secret") .. [[
  middlewares:
    p-secret:
      headers:
        customRequestHeaders:
          X-Proxy-Secret: "s3 \"cret"
          X-User: ""
          X-Groups: ""
]]
    local text = proxy.with_secret(RECORDED, "p-secret", 's3 "cret', fields)
    assert.equal(expected, text)
    assert.equal(text, proxy.with_secret(text, "p-secret", 's3 "cret', fields), "once")
    local other = proxy.with_secret(text, "p-secret", "other", fields)
    assert.equal(text:gsub('"s3.-\n', '"other"\n'), other, "a new secret replaces the old one")
  end)

  it("keeps what an admin added, in another indentation too", function()
    local mine = "# mine\nhttp:\n    middlewares:\n        own:\n            compress: {}\n"
      .. "    routers:\n        r:\n            middlewares:\n                - own\n"
    assert.equal("http:\n  middlewares:\n    own:\n      compress: {}\n    n:\n      headers:\n"
      .. '        customRequestHeaders:\n          X-Proxy-Secret: "s"\n          X-User: ""\n'
      .. '          X-Groups: ""\n'
      .. "  routers:\n    r:\n      middlewares:\n        - n\n        - own\n",
      proxy.with_secret(mine, "n", "s", fields))
  end)

  it("is left alone in a style that cannot be changed safely", function()
    for _, text in ipairs {
      '{"http": {}}\n', "http: {routers: {a: 1}}\n", "http:\n\trouters:\n",
      "http:\n  a: |\n    text\n", "tcp:\n  routers: {}\n", "",
      "http:\n  routers:\n    r:\n      middlewares:\n      - own\n      rule: a\n",
    } do
      assert.is_nil(proxy.with_secret(text, "n", "s", fields), text)
    end
  end)
end)
