local support = require "support.engine"

-- Answers with a good status and an unexpected shape are failures with a code, and nothing else.
describe("an answer of an unexpected shape", function()
  local fake, dokploy, client
  before_each(function()
    fake = support.start { secrets = { DOKPLOY_API_TOKEN = "the-token" } }
    dokploy = require "lib.dokploy"
    client = dokploy.client { tries = 1 }
  end)
  after_each(support.stop)

  local function answer(procedure, body) fake.answer(procedure, { status = 200, body = body }) end

  local function is_unexpected(value, _, code)
    assert.is_nil(value)
    assert.equal("dokploy_unexpected_answer", code)
  end

  it("is a project whose environments or applications are not lists of objects", function()
    local environments = {
      "[1]", '{"a":1}', '[{"applications":[null]}]', '[{"applications":[{"name":"x"}]}]',
      '[{"applications":{"a":{}}}]',
    }
    for _, list in ipairs(environments) do
      answer("project.one", ('{"projectId":"p","environments":%s}'):format(list))
      is_unexpected(client:project_one "p")
    end
    answer("project.one", '{"projectId":"p"}')
    is_unexpected(client:project_one "p")
  end)

  it("is not null for applications, nor an appName that is not text", function()
    local applications = '{"applications":[{"applicationId":"a","appName":7}]}'
    local body = '{"projectId":"p","environments":[{"applications":null},%s]}'
    answer("project.one", body:format(applications))
    local list, others = dokploy.services_of(assert(client:project_one "p"))
    assert.equal(1, #list)
    assert.equal(0, others)
    assert.is_nil(list[1].appName)
  end)

  it("is an application whose mounts are malformed", function()
    for _, mounts in ipairs { "[1]", '[{"volumeName":"v"}]', '[{"mountId":{}}]', '"x"' } do
      answer("application.one", ('{"applicationId":"a","mounts":%s}'):format(mounts))
      is_unexpected(client:application_one "a")
    end
    answer("application.one", '{"applicationId":"a","mounts":null}')
    assert.is_table(client:application_one "a")
  end)

  it("is a queue of numbers, but not one with times that cannot be compared", function()
    answer("deployment.queueList", '[{"data":{"titleLog":"other"},"timestamp":"x"},'
      .. '{"data":{"titleLog":"title"},"timestamp":[1]},{"data":7}]')
    answer("deployment.all", "[]")
    local ctx = {
      dokploy = client, ids = { application = "a" }, title = "title", known = function() end,
    }
    assert.is_number(require("lib.operations.submission").position(ctx))
    answer("deployment.queueList", "[1]")
    is_unexpected(client:queue())
  end)
end)
