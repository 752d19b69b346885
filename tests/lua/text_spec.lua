local text = require "lib.base.text"

describe("typed text", function()
  it("loses what is not seen, and the blanks around it", function()
    local typed = {
      "key", " key\r\n", "\u{2068}key\u{2069}", "\u{feff}key", "k\u{200b}e\u{200d}y",
      "\u{a0}key\u{3000}", "\u{200f}\u{202b}key\u{202c}", "ke\u{ad}y\u{2060}", "\u{61c}key\u{85}",
      "\u{200b} key \u{200b}",
    }
    for _, each in ipairs(typed) do assert.equal("key", text.clean(each), ("%q"):format(each)) end
    assert.equal("", text.clean "\u{200b} \u{feff}")
  end)

  it("keeps everything else", function()
    local typed = { "", "a b  c", "زهراء", "Zoë", "e\u{308}", "😀", "a\xff\x80b", "\xe2\x80" }
    for _, each in ipairs(typed) do assert.equal(each, text.clean(each)) end
  end)

  it("is cleaned in time that grows with its length", function()
    local blanks = (" "):rep(1 << 20)
    assert.equal("", text.clean(blanks))
    assert.equal("a" .. blanks .. "b", text.clean(blanks .. "a" .. blanks .. "b" .. blanks))
  end)
end)
