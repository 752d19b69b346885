local retry = require "lib.dokploy.retry"

describe("the pause before a retry", function()
  it("is spread below a bound that doubles up to its cap", function()
    assert.equal(0, retry.delay(1, 0))
    assert.equal(0.5, retry.delay(1, 1))
    assert.equal(1, retry.delay(2, 1))
    assert.equal(2, retry.delay(3, 1))
    assert.equal(15, retry.delay(20, 1))
    assert.equal(7.5, retry.delay(20, 0.5))
  end)

  it("obeys Retry-After, in seconds or as a date, up to a minute", function()
    assert.equal(7, retry.after("7", 0))
    assert.equal(60, retry.after("3600", 0))
    assert.equal(30, retry.after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412480 - 30))
    assert.equal(0, retry.after("Wed, 21 Oct 2015 07:28:00 GMT", 1445412480 + 30))
    assert.equal(59, retry.after("Thu, 29 Feb 2024 23:59:59 GMT", 1709251140))
    assert.is_nil(retry.after(nil, 0))
    assert.is_nil(retry.after("soon", 0))
  end)
end)

describe("a call", function()
  local function verdict(outcome, repeatable, has_retry_after)
    return retry.verdict(outcome, repeatable, has_retry_after == true)
  end

  it("is repeated when nothing was sent, or the authentication layer refused it", function()
    for _, repeatable in ipairs { true, false } do
      assert.equal("again", verdict({ sent = false }, repeatable))
      assert.equal("again", verdict({ status = 401, auth = true }, repeatable))
    end
  end)

  it("is repeated after a server's failure, when doing it twice does no harm", function()
    for _, status in ipairs { 408, 425, 429, 500, 502, 503, 504 } do
      assert.equal("again", verdict({ status = status }, true))
    end
    assert.equal("again", verdict({}, true))
    assert.equal("again", verdict({ status = 200, readable = false }, true))
  end)

  it("is not repeated when it creates something and may have been done", function()
    assert.equal("unknown", verdict({}, false))
    assert.equal("unknown", verdict({ sent = true }, false))
    assert.equal("unknown", verdict({ status = 200, readable = false }, false))
    for _, status in ipairs { 408, 500, 502, 504 } do
      assert.equal("unknown", verdict({ status = status }, false))
      assert.equal("unknown", verdict({ status = status }, false, true))
    end
  end)

  it("is repeated when it creates something and was refused with Retry-After", function()
    assert.equal("again", verdict({ status = 429 }, false, true))
    assert.equal("again", verdict({ status = 503 }, false, true))
    assert.equal("unknown", verdict({ status = 503 }, false))
  end)

  it("is not repeated after a plain refusal", function()
    for _, status in ipairs { 400, 401, 403, 404, 409, 413, 422 } do
      assert.equal("final", verdict({ status = status }, true))
      assert.equal("final", verdict({ status = status }, false))
    end
  end)

  it("is repeated within a budget: a fifth of a minute's calls, three at least", function()
    local cases = {
      { 0, 0, true }, { 2, 0, true }, { 3, 0, false }, { 3, 15, false }, { 3, 20, true },
      { 19, 100, true }, { 20, 100, false },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[3], retry.may_go(case[1], case[2]), case[1] .. " of " .. case[2])
    end
  end)
end)
