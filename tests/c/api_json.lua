-- core.json.
local json = require "core.json"

local cases = {}

local function cannot_encode(value, message)
  local ok, why = pcall(json.encode, value)
  assert(not ok and why:find(message), tostring(why))
end

function cases.numbers()
  local list = json.decode [=[[8080, -1, 0, -0, 9007199254740993, 9223372036854775807,
    -9223372036854775808, 1.5, 1e2, 8080.0, 1e-2, 9223372036854775808, 1E+2]]=]
  local expected = {
    8080, -1, 0, 0, 9007199254740993, math.maxinteger, math.mininteger,
    1.5, 100, 8080, 0.01, 9223372036854775808.0, 100,
  }
  assert(#list == #expected)
  for i, number in ipairs(expected) do
    local is_same = list[i] == number and math.type(list[i]) == math.type(number)
    assert(is_same, i .. ": " .. tostring(list[i]))
  end
  assert(tostring(list[1]) == "8080")
end

function cases.numbers_written()
  local expected = {
    [8080] = "8080", [9007199254740993] = "9007199254740993",
    [math.mininteger] = "-9223372036854775808", [0.1] = "0.1", [1.5] = "1.5", [1e300] = "1e+300",
  }
  for number, text in pairs(expected) do
    assert(json.encode(number) == text, json.encode(number))
  end
  local long = { 1 / 3, 1732370139.123456, 5e-324, 1.7976931348623157e308, 123456789.123456789 }
  for _, number in ipairs(long) do
    assert(json.decode(json.encode(number)) == number)
  end
  assert(json.encode(3.0) == "3")
  for _, number in ipairs { 1 / 0, -1 / 0, 0 / 0 } do cannot_encode(number, "cannot represent") end
end

function cases.arrays_and_objects()
  assert(json.encode(json.decode "[]") == "[]")
  assert(json.encode(json.decode "{}") == "{}")
  assert(json.encode {} == "{}")
  assert(json.encode(json.array {}) == "[]")
  assert(json.encode(json.array()) == "[]")
  assert(json.encode { a = json.decode " [ ] " } == '{"a":[]}')
  local emptied = json.decode "[1]"
  emptied[1] = nil
  assert(json.encode(emptied) == "[]")
  assert(json.encode { 1, "a", true, json.null, { 2 } } == '[1,"a",true,null,[2]]')
  local marked = json.array {}
  assert(json.array(marked) == marked)
  local object = json.decode '{"a":{"b":[1,{"c":null}]},"d":false}'
  assert(object.a.b[2].c == json.null and object.d == false)
  assert(type(json.null) == "userdata")
end

function cases.unencodable()
  cannot_encode({ 1, 2, x = 3 }, "both")
  cannot_encode({ 1, nil, 3 }, "hole")
  cannot_encode({ [0] = 1 }, "begins at 1")
  cannot_encode({ [5] = 1 }, "hole")
  cannot_encode({ x = 1, [1] = 2 }, "")
  cannot_encode(json.array { x = 1 }, "both")
  cannot_encode({ f = print }, "function")
  cannot_encode(nil, "nil")
  cannot_encode({ [true] = 1 }, "")
  local circle = {}
  circle.circle = circle
  cannot_encode(circle, "circle")
  assert(json.encode { 1 } == "[1]")
  assert(not pcall(json.array, setmetatable({}, {})))
  assert(not pcall(json.array, "x"))
end

function cases.strings()
  assert(json.decode [["a\n\t\"\\\/\b\f\r"]] == 'a\n\t"\\/\b\f\r')
  assert(json.decode [["\u0041\u00e9\u20ac\ud83d\ude00\u0000x"]] == "A\u{e9}\u{20ac}\u{1f600}\0x")
  assert(json.decode [["\ud83d x \ude00"]] == "\u{fffd} x \u{fffd}")
  assert(json.decode [["\ud83d\u0041"]] == "\u{fffd}A")
  assert(json.decode [["\ud800 \udc00\ud83d\u0041"]] == "\u{fffd} \u{fffd}\u{fffd}A")
  assert(json.encode 'a\n"\\\0\x1f\x7f/' == [["a\n\"\\\u0000\u001f\u007f/"]])
  assert(json.encode "\u{e9}\u{1f600}" == '"\u{e9}\u{1f600}"')
  assert(json.encode "a\xffb\xc3" == '"a\u{fffd}b\u{fffd}"')
  assert(json.encode "\xed\xa0\x80" == '"\u{fffd}\u{fffd}\u{fffd}"')
  for code = 0, 255 do -- no character of a string makes it something else
    local text = ('"\\u%04x[]"'):format(code)
    assert(json.decode(text) == utf8.char(code) .. "[]", text)
  end
  local long = ("x\n"):rep(100000)
  assert(json.decode(json.encode(long)) == long)
  assert(json.encode { ['k"'] = 1 } == [[{"k\"":1}]])
end

function cases.invalid_json()
  local invalid = {
    "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", '{"a"}', '{"a":}', '{"a":1,}', "{a:1}",
    "{1:1}", "{'a':1}", '{"a":1 "b":2}', "[1 2]", "nul", "nulll", "True", "NaN", "Infinity",
    "-Infinity", "-", "+1", "01", "-01", "0x10", "1.", ".5", "1e", "1e+", "1.5.2", "1e999", "--1",
    '"', '"a', '"\\', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\u-123"', '"a\nb"', '"\0"', '"\xff"',
    '"\xc0\xaf"', '"\xed\xa0\x80"', '"\xf4\x90\x80\x80"', '"\xe2\x82"', "1 2", "{} x", "[]]",
    "\xef\xbb\xbf", "\xef\xbb\xbf\xef\xbb\xbf{}", "{}\xef\xbb\xbf",
    "// x", "[1]//", '{"a":1,"a":2}', '{"a":null,"a":2}', "\0", "1\0", "tru",
    "t", "n", "[tru", ("["):rep(101), ('{"a":'):rep(101),
  }
  for _, text in ipairs(invalid) do
    local value, why, code = json.decode(text)
    assert(value == nil and code == "invalid" and why:find "JSON", text)
  end
  local _, why = json.decode '{"a": 1,\n  "b": x}'
  assert(why:find "line 2, column 8", why)
  assert(json.decode(("["):rep(100) .. ("]"):rep(100)))
  assert(not pcall(json.decode, 5))
  assert(not pcall(json.decode))
  local value, too_long, code = json.decode(("x"):rep(17 << 20))
  assert(value == nil and code == "invalid" and too_long:find "bytes")
end

function cases.scalars()
  assert(json.decode " \n\t\rtrue " == true)
  assert(json.decode "false" == false)
  assert(json.decode "null" == json.null)
  assert(json.decode '"x"' == "x")
  assert(json.decode "7" == 7)
  assert(json.decode "0" == 0)
  assert(json.encode(true) == "true" and json.encode(json.null) == "null")
  assert(json.encode "x" == '"x"')
  local object = json.decode ' { "a" : [ 1 , 2 ] , "b" : { } } '
  assert(object.a[2] == 2 and next(object.b) == nil)
end

-- Empty arrays and long integers survive; the tables that were given are not touched.
function cases.exact_values()
  local deep = { json.array {}, 2 ^ 53 + 0.0, math.maxinteger }
  local value = { deep = deep, url = "http://x/", n = 0.1 + 0.2 }
  local text = json.encode(value)
  assert(text:find('"deep":[[],9007199254740992,9223372036854775807]', 1, true), text)
  assert(text:find('"url":"http://x/"', 1, true), text)
  assert(text:find("0.30000000000000004", 1, true), text)
  assert(#deep[1] == 0 and math.type(deep[2]) == "float" and deep[3] == math.maxinteger)
  assert(json.encode(99999999999999) == "99999999999999")
  assert(json.encode(-123456789012345) == "-123456789012345")
  local shared = json.array {}
  assert(json.encode { shared, { shared } } == "[[],[[]]]")
  local back = json.decode '{"1":[],"a":[[],{},[{"b":[]}]],"n":12345678901234567}'
  assert(getmetatable(back) == nil and getmetatable(back.a[2]) == nil)
  assert(getmetatable(back["1"]))
  assert(json.encode(back.a) == '[[],{},[{"b":[]}]]' and back.n == 12345678901234567)
  local list = json.decode "[1234567890123456,-9007199254740993 ,1.0000000000000001]"
  assert(list[1] == 1234567890123456 and list[2] == -9007199254740993 and list[3] == 1)
  assert(json.decode [["\/\u0061"]] == "/a")
  assert(json.encode { ["a/b"] = [[\/]] } == [[{"a/b":"\\/"}]])
  local _, why, code = json.decode [[{"a":1,"\u0061":2}]]
  assert(code == "invalid" and why:find "column 8", why)
end

-- Nothing that a script encodes or decodes ends the process.
function cases.limits()
  local twice = { 1 }
  for _ = 1, 90 do twice = { twice, twice } end
  cannot_encode(twice, "more than")
  cannot_encode(("x"):rep(17 << 20), "more than")
  cannot_encode({ [("x"):rep(17 << 20)] = 1 }, "more than")
  assert(#json.encode(("x"):rep(1 << 20)) == (1 << 20) + 2 and json.encode "a" == '"a"')
  local many = "[" .. ("[],"):rep(1 << 20) .. "[]]"
  for _ = 1, 5 do
    local ok, why = pcall(json.decode, many)
    assert(not ok and why:find "not enough memory", tostring(why))
  end
  assert(#json.decode "[1,2]" == 2)
end

local function random_value(depth)
  local kind = math.random(depth > 4 and 4 or 6)
  if kind == 1 then return math.random(0) end
  if kind == 2 then return math.random() * 10 ^ math.random(-20, 20) end
  if kind == 3 then return math.random(2) == 1 end
  if kind == 4 then
    local characters = {}
    for i = 1, math.random(0, 20) do characters[i] = utf8.char(math.random(0, 0xd7ff)) end
    return table.concat(characters)
  end
  local value = kind == 5 and json.array {} or {}
  for i = 1, math.random(0, 5) do
    local key = kind == 5 and i or "k" .. math.random(100)
    value[key] = random_value(depth + 1)
  end
  return value
end

local function is_same(a, b)
  if type(a) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not is_same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Random values survive a round trip; text with a random byte changed does no harm.
function cases.random_values()
  for _ = 1, 300 do
    local value = random_value(1)
    local text = json.encode(value)
    local back = json.decode(text)
    assert(is_same(value, back), text)
    assert(is_same(value, json.decode(json.encode(back))), text)
    for _ = 1, 10 do
      local at = math.random(#text)
      json.decode(text:sub(1, at))
      json.decode(text:sub(1, at - 1) .. string.char(math.random(0, 255)) .. text:sub(at + 1))
    end
  end
end

return cases
