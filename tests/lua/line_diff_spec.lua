local line_diff = require "lib.base.line_diff"

local function diff(old, new)
  local parts = {}
  for i, edit in ipairs(line_diff.of(old, new)) do parts[i] = edit[1] .. edit[2] end
  return table.concat(parts, "\n")
end

describe("the lines that differ", function()
  it("are those that were removed and added", function()
    assert.equal("", diff("a\nb\n", "a\nb\n"))
    assert.equal("@1\n+a", diff("", "a\n"))
    assert.equal("@1\n-a", diff("a\n", ""))
    assert.equal("@1\n a\n-b\n+x\n c", diff("a\nb\nc\n", "a\nx\nc\n"))
    assert.equal("@1\n-a\n b\n+c", diff("a\nb", "b\nc"))
  end)

  it("have two equal ones around them, and the line where they begin", function()
    local old = { "1", "2", "3", "4", "5", "6", "7", "8", "9" }
    local new = { "1", "2", "3", "4", "x", "6", "7", "8", "9", "10" }
    assert.equal("@3\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n 9\n+10",
      diff(table.concat(old, "\n"), table.concat(new, "\n")))
  end)
end)
