-- core.crypto.
local crypto = require "core.crypto"

local cases, parts = {}, {}

function parts.no_signature_without_a_secret()
  local ok, why = pcall(crypto.sign, "owner", "x")
  assert(not ok and why:find "secret")
end

-- The secret is 0123456789abcdef twice; the signature was made by hand as
-- HMAC-SHA-256 under HMAC-SHA-256(secret, purpose).
function parts.signatures()
  local signature = crypto.sign("owner", "abc")
  assert(#signature == 43 and signature:find "^[%w_-]+$")
  assert(signature == "2k7SQmVCqyaJn7VIwRv2xL_-52wnsG3wteZVZOUMgmc", signature)
  assert(signature == crypto.sign("owner", "abc"))
  assert(signature ~= crypto.sign("owner", "abd") and signature ~= crypto.sign("other", "abc"))
  assert(crypto.sign("a", "bc") ~= crypto.sign("ab", "c"))
  assert(not pcall(crypto.sign, "owner"))
  assert(not pcall(crypto.sign, "owner", 5))
end

function cases.hashes()
  assert(crypto.sha256 "" == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  assert(crypto.sha256 "abc" == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  assert(crypto.sha256 "a\0b" ~= crypto.sha256 "a")
  assert(crypto.equal("a", "a") == true)
  assert(crypto.equal("a", "b") == false)
  assert(crypto.equal("a", "aa") == false)
  assert(crypto.equal("a\0b", "a\0c") == false)
  assert(crypto.equal("", "") == true)
  assert(not pcall(crypto.equal, "a", nil))
  assert(not pcall(crypto.sha256, {}))
end

-- RFC 4231, cases 1, 2 and 6.
function cases.hmac()
  local function hex(bytes)
    return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
  end
  assert(hex(crypto.hmac(("\x0b"):rep(20), "Hi There"))
    == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
  assert(hex(crypto.hmac("Jefe", "what do ya want for nothing?"))
    == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  local text = "Test Using Larger Than Block-Size Key - Hash Key First"
  assert(hex(crypto.hmac(("\xaa"):rep(131), text))
    == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  assert(#crypto.hmac("", "") == 32)
  assert(not pcall(crypto.hmac, "key") and not pcall(crypto.hmac, ("x"):rep(1025), ""))
end

-- The example of the Standard Webhooks specification.
function cases.webhook_signature()
  local key = crypto.unbase64 "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
  local signed = 'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}'
  local signature = crypto.base64(crypto.hmac(key, signed))
  assert(signature == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", signature)
end

function cases.tokens()
  for n = 1, 64 do
    local token = crypto.token(n)
    assert(#token == math.ceil(n * 4 / 3) and token:find "^[%w_-]+$", token)
    local hex = crypto.hex(n)
    assert(#hex == 2 * n and hex:find "^[0-9a-f]+$", hex)
  end
  local seen = {}
  for _ = 1, 1000 do
    local token = crypto.token(16)
    assert(not seen[token])
    seen[token] = true
  end
  assert(#crypto.token(1024) == 1366)
  assert(crypto.hex(16) ~= crypto.hex(16) and #crypto.hex(1024) == 2048)
  for _, n in ipairs { 0, -1, 1025, 1.5, "x" } do
    assert(not pcall(crypto.token, n) and not pcall(crypto.hex, n))
  end
end

function cases.base64()
  local pairs_of = {
    [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=",
    foobar = "Zm9vYmFy", ["\xfb\xff\0"] = "+/8A",
  }
  for plain, text in pairs(pairs_of) do
    assert(crypto.base64(plain) == text)
    assert(crypto.unbase64(text) == plain)
  end
  local invalid = {
    "A", "AA", "AAA", "AA=A", "A===", "====", "=", "Zg==Zg==", "Zh==", "Zm9=", "Zm 9v",
    "Zm9v\n", "-_8A", "Zm9\0", "Zg\0=",
  }
  for _, text in ipairs(invalid) do assert(crypto.unbase64(text) == nil, text) end
  for n = 0, 300 do
    local bytes = {}
    for i = 1, n do bytes[i] = string.char(math.random(0, 255)) end
    local text = table.concat(bytes)
    assert(crypto.unbase64(crypto.base64(text)) == text)
  end
end

return cases, parts
