#include "script_fixture.h"

static int set_up(void **state)
{
    (void)state;
    script_open();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    script_close();
    return 0;
}

#define JSON "local json = require 'core.json' "

static void test_numbers(void **state)
{
    (void)state;
    script_run(JSON "local t = json.decode '[8080, -1, 0, -0, 9007199254740993, "
                    "9223372036854775807, -9223372036854775808, 1.5, 1e2, "
                    "8080.0, 1e-2, 9223372036854775808, 1E+2]'\n"
                    "local want = {8080, -1, 0, 0, 9007199254740993, math.maxinteger, "
                    "math.mininteger, 1.5, 100, 8080, 0.01, "
                    "9223372036854775808.0, 100}\n"
                    "for i, v in ipairs(want) do assert(t[i] == v and math.type(t[i]) == "
                    "math.type(v), i .. ': ' .. tostring(t[i])) end\n"
                    "assert(#t == #want)\n"
                    "assert(tostring(t[1]) == '8080')");
}

static void test_numbers_written(void **state)
{
    (void)state;
    script_run(JSON
               "local want = {[8080] = '8080', [9007199254740993] = '9007199254740993', "
               "[math.mininteger] = '-9223372036854775808', [0.1] "
               "= '0.1', [1.5] = '1.5', [1e300] = '1e+300'}\n"
               "for v, text in pairs(want) do assert(json.encode(v) == text, json.encode(v)) end\n"
               "for _, v in ipairs {1/3, 1732370139.123456, 5e-324, 1.7976931348623157e308, "
               "123456789.123456789} do "
               "assert(json.decode(json.encode(v)) == v) end\n"
               "assert(json.encode(3.0) == '3')\n"
               "for _, v in ipairs {1/0, -1/0, 0/0} do local ok, why = pcall(json.encode, v) "
               "assert(not ok and why:find 'cannot represent') end");
}

static void test_arrays_and_objects(void **state)
{
    (void)state;
    script_run(JSON
               "assert(json.encode(json.decode '[]') == '[]')\n"
               "assert(json.encode(json.decode '{}') == '{}')\n"
               "assert(json.encode {} == '{}')\n"
               "assert(json.encode(json.array {}) == '[]')\n"
               "assert(json.encode(json.array()) == '[]')\n"
               "assert(json.encode {a = json.decode ' [ ] '} == '{\"a\":[]}')\n"
               "local t = json.decode '[1]' t[1] = nil assert(json.encode(t) == '[]')\n"
               "assert(json.encode {1, 'a', true, json.null, {2}} == '[1,\"a\",true,null,[2]]')\n"
               "local marked = json.array {} assert(json.array(marked) == marked)\n"
               "local o = json.decode '{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":false}'\n"
               "assert(o.a.b[2].c == json.null and o.d == false)\n"
               "assert(json.null == nil or true) assert(type(json.null) == 'userdata')");
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    script_run(JSON "local function refused(v, word) local ok, why = pcall(json.encode, v) "
                    "assert(not ok and why:find(word), tostring(why)) end\n"
                    "refused({1, 2, x = 3}, 'both')\n"
                    "refused({1, nil, 3}, 'hole')\n"
                    "refused({[0] = 1}, 'begins at 1')\n"
                    "refused({[5] = 1}, 'hole')\n"
                    "refused({x = 1, [1] = 2}, '')\n"
                    "refused(json.array {x = 1}, 'both')\n"
                    "refused({f = print}, 'function')\n"
                    "refused(nil, 'nil')\n"
                    "refused({[true] = 1}, '')\n"
                    "local circle = {} circle.circle = circle refused(circle, 'circle')\n"
                    "assert(json.encode {1} == '[1]')\n"
                    "assert(not pcall(json.array, setmetatable({}, {})))\n"
                    "assert(not pcall(json.array, 'x'))");
}

static void test_strings(void **state)
{
    (void)state;
    script_run(
        JSON
        "assert(json.decode [[\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\"]] == 'a\\n\\t\"\\\\/\\b\\f\\r')\n"
        "assert(json.decode [[\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\u0000x\"]] == "
        "'A\\u{e9}\\u{20ac}\\u{1f600}\\0x')\n"
        "assert(json.decode [[\"\\ud83d x \\ude00\"]] == '\\u{fffd} x \\u{fffd}')\n"
        "assert(json.decode [[\"\\ud83d\\u0041\"]] == '\\u{fffd}A')\n"
        "assert(json.encode 'a\\n\"\\\\\\0\\x1f\\x7f/' == "
        "[[\"a\\n\\\"\\\\\\u0000\\u001f\\u007f/\"]], json.encode "
        "'a\\n\"\\\\\\0\\x1f\\x7f/')\n"
        "assert(json.encode '\\u{e9}\\u{1f600}' == '\"\\u{e9}\\u{1f600}\"')\n"
        "assert(json.encode 'a\\xffb\\xc3' == '\"a\\u{fffd}b\\u{fffd}\"')\n"
        "assert(json.encode '\\xed\\xa0\\x80' == '\"\\u{fffd}\\u{fffd}\\u{fffd}\"')\n"
        "local long = ('x\\n'):rep(100000) assert(json.decode(json.encode(long)) == long)\n"
        "assert(json.encode {['k\"'] = 1} == [[{\"k\\\"\":1}]])");
}

static void test_what_is_no_json(void **state)
{
    (void)state;
    script_run(JSON "local bad = {'', ' ', '{', '[', '[1', '[1,', '[1,]', '[,1]', '{\"a\"}', "
                    "'{\"a\":}', '{\"a\":1,}', '{a:1}', '{1:1}', "
                    "\"{'a':1}\", '{\"a\":1 \"b\":2}', '[1 2]',\n"
                    "  'nul', 'nulll', 'True', 'NaN', 'Infinity', '-Infinity', '-', '+1', '01', "
                    "'-01', '0x10', '1.', '.5', '1e', '1e+', "
                    "'1.5.2', '1e999', '--1',\n"
                    "  '\"', '\"a', '\"\\\\', '\"\\\\x\"', '\"\\\\u12\"', '\"\\\\u12g4\"', "
                    "'\"\\\\u-123\"', '\"a\\nb\"', '\"\\0\"', "
                    "'\"\\xff\"', '\"\\xc0\\xaf\"', '\"\\xed\\xa0\\x80\"', "
                    "'\"\\xf4\\x90\\x80\\x80\"', '\"\\xe2\\x82\"',\n"
                    "  '1 2', '{} x', '[]]', '\\xef\\xbb\\xbf{}', '// x', '[1]//', "
                    "'{\"a\":1,\"a\":2}', '{\"a\":null,\"a\":2}', '\\0', "
                    "'1\\0', 'tru', 't', 'n', '[tru', ('['):rep(101), ('{\"a\":'):rep(101)}\n"
                    "for _, text in ipairs(bad) do local v, why, code = json.decode(text) assert(v "
                    "== nil and code == 'invalid' and "
                    "why:find 'JSON', text) end\n"
                    "local _, why = json.decode '{\"a\": 1,\\n  \"b\": x}' assert(why:find 'line "
                    "2, column 8', why)\n"
                    "assert(json.decode(('['):rep(100) .. (']'):rep(100)))\n"
                    "assert(not pcall(json.decode, 5)) assert(not pcall(json.decode))\n"
                    "local v, why2, code = json.decode(('x'):rep(17 << 20)) assert(v == nil and "
                    "code == 'invalid' and why2:find 'bytes')");
}

static void test_scalars_and_blanks(void **state)
{
    (void)state;
    script_run(JSON "assert(json.decode ' \\n\\t\\rtrue ' == true) assert(json.decode 'false' == "
                    "false) assert(json.decode 'null' == json.null)\n"
                    "assert(json.decode '\"x\"' == 'x') assert(json.decode '7' == 7) "
                    "assert(json.decode '0' == 0)\n"
                    "assert(json.encode(true) == 'true' and json.encode(json.null) == 'null' and "
                    "json.encode 'x' == '\"x\"')\n"
                    "local t = json.decode ' { \"a\" : [ 1 , 2 ] , \"b\" : { } } ' assert(t.a[2] "
                    "== 2 and next(t.b) == nil)");
}

/* Empty arrays and long integers survive; the tables that were given are not touched. */
static void test_exact_values(void **state)
{
    (void)state;
    script_run(
        JSON
        "local inner = {deep = {json.array {}, 2 ^ 53 + 0.0, math.maxinteger}, url = 'http://x/', "
        "n = 0.1 + 0.2}\n"
        "local text = json.encode(inner)\n"
        "assert(text:find('\"deep\":[[],9007199254740992,9223372036854775807]', 1, true), text)\n"
        "assert(text:find('\"url\":\"http://x/\"', 1, true) and text:find('0.30000000000000004', "
        "1, true), text)\n"
        "assert(#inner.deep[1] == 0 and math.type(inner.deep[2]) == 'float' and inner.deep[3] == "
        "math.maxinteger)\n"
        "assert(json.encode(99999999999999) == '99999999999999' and json.encode(-123456789012345) "
        "== '-123456789012345')\n"
        "local shared = json.array {} assert(json.encode {shared, {shared}} == '[[],[[]]]')\n"
        "local back = json.decode '{\"1\":[],\"a\":[[],{},[{\"b\":[]}]],\"n\":12345678901234567}'\n"
        "assert(getmetatable(back) == nil and getmetatable(back['1']) and getmetatable(back.a[2]) "
        "== nil)\n"
        "assert(json.encode(back.a) == '[[],{},[{\"b\":[]}]]' and back.n == 12345678901234567)\n"
        "assert(json.decode [[\"\\/\\u0061\"]] == '/a' and json.encode {['a/b'] = [[\\/]]} == "
        "[[{\"a/b\":\"\\\\/\"}]])\n"
        "local _, why, code = json.decode [[{\"a\":1,\"\\u0061\":2}]] assert(code == 'invalid' and "
        "why:find 'column 8', why)");
}

/* Nothing that a script encodes or decodes takes the process with it. */
static void test_what_is_too_much(void **state)
{
    (void)state;
    script_run(
        JSON
        "local twice = {1} for _ = 1, 90 do twice = {twice, twice} end\n"
        "local function refused(v, word) local ok, why = pcall(json.encode, v) assert(not ok and "
        "why:find(word), tostring(why)) end\n"
        "refused(twice, 'more than') refused(('x'):rep(17 << 20), 'more than') "
        "refused({[('x'):rep(17 << 20)] = 1}, 'more than')\n"
        "assert(#json.encode(('x'):rep(1 << 20)) == (1 << 20) + 2 and json.encode 'a' == '\"a\"')\n"
        "local many = '[' .. ('[],'):rep(1 << 20) .. '[]]'\n"
        "for _ = 1, 5 do local ok, why = pcall(json.decode, many) assert(not ok and why:find 'not "
        "enough memory', tostring(why)) end\n"
        "assert(#json.decode '[1,2]' == 2)");
}

/* Random values survive a round trip; random bytes never do harm. */
static void test_round_trips(void **state)
{
    (void)state;
    script_run(JSON
               "local function value(depth)\n"
               "  local kind = math.random(depth > 4 and 4 or 6)\n"
               "  if kind == 1 then return math.random(0) elseif kind == 2 then return "
               "math.random() * 10 ^ math.random(-20, 20)\n"
               "  elseif kind == 3 then return math.random(2) == 1\n"
               "  elseif kind == 4 then local s = {} for i = 1, math.random(0, 20) do s[i] = "
               "utf8.char(math.random(0, 0xd7ff)) end return "
               "table.concat(s)\n"
               "  elseif kind == 5 then local t = json.array {} for i = 1, math.random(0, 5) do "
               "t[i] = value(depth + 1) end return t\n"
               "  else local t = {} for _ = 1, math.random(0, 5) do t['k' .. math.random(100)] = "
               "value(depth + 1) end return t end\n"
               "end\n"
               "local function same(a, b) if type(a) ~= 'table' then return a == b end\n"
               "  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
               "  for k in pairs(b) do if a[k] == nil then return false end end return true end\n"
               "for _ = 1, 300 do local v = value(1) local text = json.encode(v) local back = "
               "json.decode(text) assert(same(v, back), text)\n"
               "  assert(same(v, json.decode(json.encode(back))), text)\n"
               "  for _ = 1, 10 do local at = math.random(#text) json.decode(text:sub(1, at)) "
               "json.decode(text:sub(1, at - 1) .. "
               "string.char(math.random(0, 255)) .. text:sub(at + 1)) end end");
}

static const struct CMUnitTest tests[] = {
    TEST(test_numbers),
    TEST(test_numbers_written),
    TEST(test_arrays_and_objects),
    TEST(test_what_cannot_be_written),
    TEST(test_strings),
    TEST(test_what_is_no_json),
    TEST(test_scalars_and_blanks),
    TEST(test_exact_values),
    TEST(test_what_is_too_much),
    TEST(test_round_trips),
};

TEST_GROUP(api_json, tests, NULL, NULL)
