--- What was found, line by line: a word, what it is about, what was found, and the cure. For people at a terminal, or kept.
---   local report = require("lib.doctor.report").new()
---   report:ok("token", "valid") report:fail("disk", "2 MB are left", "make room in DATA_DIR")
---   return report:status()   -- 0, or 1 when something failed
---   report.counts, report.found   -- { ok =, warn =, fail = }, and what is to look at or to mend: { {level, what, found}, ... }
local console = require "core.console"

local Report = {}
Report.__index = Report
local report = {}

--- With `silent`, nothing is printed.
function report.new(silent)
  return setmetatable({ counts = { ok = 0, warn = 0, fail = 0 }, found = {}, silent = silent or false }, Report)
end

local function line(self, word, what, found, cure)
  self.counts[word] = self.counts[word] + 1
  if word ~= "ok" then self.found[#self.found + 1] = { level = word, what = what, found = found } end
  if self.silent then return end
  console.print(("%-5s %-12s %s"):format(word, what, found))
  if cure then console.print(("%-5s %-12s   -> %s"):format("", "", cure)) end
end

function Report:ok(what, found) line(self, "ok", what, found) end
function Report:warn(what, found, cure) line(self, "warn", what, found, cure) end
function Report:fail(what, found, cure) line(self, "fail", what, found, cure) end
function Report:status() return self.counts.fail > 0 and 1 or 0 end

return report
