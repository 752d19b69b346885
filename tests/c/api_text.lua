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

return cases
