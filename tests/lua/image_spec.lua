-- Tests the names of images and registries.
local image = require "lib.base.image"

local digest = "sha256:" .. ("0123456789abcdef"):rep(4)

describe("the name of an image", function()
  local good = {
    { "ai-stack:1", "docker.io", "library/ai-stack", "1" },
    { "team/ai-stack:v1.0-x", "docker.io", "team/ai-stack", "v1.0-x" },
    { "docker.io/library/ai-stack", "docker.io", "library/ai-stack" },
    { "index.docker.io/team/ai-stack", "docker.io", "team/ai-stack" },
    { "ghcr.io/you/ai_stack/x:1", "ghcr.io", "you/ai_stack/x", "1" },
    { "localhost/ai-stack:1", "localhost", "ai-stack", "1" },
    { "127.0.0.1:5000/ai-stack", "127.0.0.1:5000", "ai-stack" },
    { "ghcr.io/a/b@" .. digest, "ghcr.io", "a/b", nil, digest },
    { "ghcr.io/a/b:1@" .. digest, "ghcr.io", "a/b", "1", digest },
  }
  for _, case in ipairs(good) do
    it(case[1], function()
      local parsed = assert(image.parse(case[1]))
      assert.same({ host = case[2], path = case[3], tag = case[4], digest = case[5] }, parsed)
    end)
  end

  local bad = {
    ["https://ghcr.io/a/b:1"] = "https://", ["ghcr.io/You/b:1"] = "lower case",
    ["GHCR.io/a/b:1"] = "lower case", ["ghcr.io//b:1"] = "not an image's name",
    ["ghcr.io/a/:1"] = "not an image's name", ["/a:1"] = "not an image's name",
    ["a b"] = "not an image's name", [""] = "not an image's name",
    ["a:"] = "tag", ["a:-1"] = "tag", ["ghcr.io:x/a"] = "not an image's name",
    ["a@sha256:12"] = "64", ["a@md5:" .. ("0"):rep(32)] = "64", ["a@"] = "64",
    ["a@" .. digest:upper()] = "64",
  }
  for text, fault in pairs(bad) do
    it("is not " .. text, function()
      local parsed, found = image.parse(text)
      assert.is_nil(parsed)
      assert.truthy(found:find(fault, 1, true), found)
    end)
  end
end)

describe("a registry", function()
  it("is a host, however it is written", function()
    for text, host in pairs {
      ["ghcr.io"] = "ghcr.io", ["https://GHCR.io/"] = "ghcr.io",
      ["http://r.test:5000"] = "r.test:5000",
      ["https://index.docker.io/v1/"] = "docker.io", ["docker.io"] = "docker.io",
      ["hub.docker.com"] = "docker.io",
    } do
      assert.equal(host, image.registry(text))
    end
    for _, text in ipairs { "", "https://", "a b", "user@ghcr.io" } do
      assert.is_nil(image.registry(text), text)
    end
  end)

  it("is this machine's by its whole name only", function()
    for _, host in ipairs { "localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3" } do
      assert.is_true(image.is_loopback(host), host)
    end
    for _, host in ipairs { "localhost.evil.test", "127.0.0.1.evil.test", "10.0.0.1", "ghcr.io" } do
      assert.is_false(image.is_loopback(host), host)
    end
  end)

  it("has its tokens from its own site", function()
    for server, registry in pairs {
      ["auth.docker.io"] = "registry-1.docker.io", ["gitlab.com"] = "registry.gitlab.com",
      ["example.com"] = "example.com:5050", ["login.example.co.uk"] = "r.example.co.uk:5000",
    } do
      assert.is_true(image.is_of_site(server, registry), server)
    end
    for server, registry in pairs {
      ["evil.test"] = "r.example.com", ["evilexample.com"] = "r.example.com",
      ["example.com.evil.test"] = "r.example.com", ["evil.io"] = "ghcr.io",
      ["evil.co.uk"] = "example.co.uk", ["10.0.0.2:5000"] = "10.0.0.1:5000",
    } do
      assert.is_false(image.is_of_site(server, registry), server)
    end
  end)
end)
