local support = require "support.engine"

-- Answers of the right status and the wrong shape: a failure with a code, and nothing else.
describe("an answer that is not as expected", function()
  local fake, dokploy, client
  before_each(function()
    fake = support.start { secrets = { DOKPLOY_API_TOKEN = "the-token" } }
    dokploy = require "lib.dokploy"
    client = dokploy.client { tries = 1 }
  end)
  after_each(support.stop)

  local function says(procedure, body) fake.answer(procedure, { status = 200, body = body }) end
  local function unexpected(value, _, code)
    assert.is_nil(value)
    assert.equal("dokploy_unexpected_answer", code)
  end

  it("a project whose environments or applications are no lists of objects", function()
    for _, body in ipairs {
      '{"projectId":"p","environments":[1]}', '{"projectId":"p","environments":{"a":1}}', '{"projectId":"p"}',
      '{"projectId":"p","environments":[{"applications":[null]}]}', '{"projectId":"p","environments":[{"applications":[{"name":"x"}]}]}',
      '{"projectId":"p","environments":[{"applications":{"a":{}}}]}',
    } do
      says("project.one", body)
      unexpected(client:project_one "p")
    end
  end)

  it("null is no application; a name that is no text is none", function()
    says("project.one", '{"projectId":"p","environments":[{"applications":null},{"applications":[{"applicationId":"a","appName":7}]}]}')
    local applications, others = dokploy.services_of(assert(client:project_one "p"))
    assert.equal(1, #applications)
    assert.equal(0, others)
    assert.is_nil(applications[1].appName)
  end)

  it("an application whose mounts are none", function()
    for _, mounts in ipairs { "[1]", '[{"volumeName":"v"}]', '[{"mountId":{}}]', '"x"' } do
      says("application.one", '{"applicationId":"a","mounts":' .. mounts .. "}")
      unexpected(client:application_one "a")
    end
    says("application.one", '{"applicationId":"a","mounts":null}')
    assert.is_table(client:application_one "a")
  end)

  it("a queue with times that cannot be compared", function()
    says("deployment.queueList", '[{"data":{"titleLog":"other"},"timestamp":"x"},{"data":{"titleLog":"title"},"timestamp":[1]},{"data":7}]')
    says("deployment.all", "[]")
    local ctx = { dokploy = client, ids = { application = "a" }, title = "title", known = function() end }
    assert.is_number(require("lib.operations.submission").position(ctx))
    says("deployment.queueList", "[1]")
    unexpected(client:queue())
  end)
end)
