-- core.text.
local text = require "core.text"

local cases = {}

function cases.plain()
  local expected = {
    [""] = "", anna = "anna", ["Müller"] = "muller", ["RENÉE"] = "renee", ["zoë"] = "zoe",
    ["zoe\u{308}"] = "zoe", ["Straße"] = "strasse", ["Łukasz"] = "łukasz", ["Ａｎｎａ"] = "anna",
    ["ﬁlm"] = "film", ["أحمد"] = "احمد", ["a\0B"] = "a\0b", ["李"] = "李", ["😀"] = "😀",
  }
  for typed, wanted in pairs(expected) do
    assert(text.plain(typed) == wanted, ("%q gives %q"):format(typed, text.plain(typed)))
  end
  for _, bytes in ipairs { "\xff", "a\xc3", "\xed\xa0\x80" } do
    assert(not pcall(text.plain, bytes))
  end
  assert(not pcall(text.plain) and not pcall(text.plain, {}))
  assert(text.plain(("É"):rep(100000)) == ("e"):rep(100000))
end

function cases.weighted()
  local items = text.weighted "nl-BE, NL;q=0.9,, en ; Q=.5, de;q=5, *;q=0"
  local expected = { { "nl-be", 1 }, { "nl", 0.9 }, { "en", 0.5 }, { "*", 0 } }
  assert(#items == #expected)
  for i, item in ipairs(items) do
    assert(item.name == expected[i][1] and item.weight == expected[i][2], item.name)
  end
  assert(#text.weighted(",") == 0 and not pcall(text.weighted))
  local long = ("x"):rep(5000)
  assert(text.weighted(long)[1].name == long)
end

function cases.weight()
  assert(text.weight("text/html;q=0.5, */*;q=0.1", "text/html") == 0.5)
  assert(text.weight("text/html", "text/plain") == 0)
  assert(text.weight(nil, "text/html") == 1)
end

return cases
