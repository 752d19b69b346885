local dotenv = require "lib.base.dotenv"

describe("an environment text", function()
  it("quotes each value with a character that it lacks", function()
    assert.equal("A='a#b'", dotenv.line("A", "a#b"))
    assert.equal("A=`it's`", dotenv.line("A", "it's"))
    assert.equal([[A="it's `so`"]], dotenv.line("A", "it's `so`"))
    assert.equal([[A='a\nb']], dotenv.line("A", [[a\nb]]))
  end)

  it("refuses what it cannot express", function()
    for _, value in ipairs { "a\nb", "a\0b", "${{project.X}}", [['`"]], [['` \n]] } do
      local line, message, code = dotenv.line("A", value)
      assert.is_nil(line)
      assert.equal("invalid", code)
      assert.truthy(message:find("^A "))
    end
    assert.is_nil(dotenv.line("A B", "x"))
    assert.is_nil(dotenv.line("1A", "x"))
  end)

  it("has one line a variable, in order", function()
    assert.equal("A='1'\nB='2'", dotenv.text { B = "2", A = "1" })
    assert.equal("", dotenv.text {})
    assert.is_nil(dotenv.text { A = "1", B = "\n" })
  end)

  it("is read by dotenv's rules", function()
    local lines = {
      "# A=no", "A=1", "export B = two words  ", "C='x # y' # z", 'D="q"', "E=a#b", "F=`it's`",
      "A=last", "G=",
    }
    local text = table.concat(lines, "\r\n")
    local expected = {
      A = "last", B = "two words", C = "x # y", D = "q", E = "a", F = "it's", G = "",
    }
    for name, value in pairs(expected) do assert.equal(value, dotenv.get(text, name)) end
    assert.is_nil(dotenv.get(text, "H"))
  end)

  it("comes back as it was", function()
    local values = {
      "plain", "a#b", "it's", [["]], "`", " blanks ", "a=b", "$HOME", [[back\slash]],
    }
    for _, value in ipairs(values) do
      assert.equal(value, dotenv.get(dotenv.text { X = value, Y = "other" }, "X"))
    end
  end)
end)
