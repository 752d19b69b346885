--- The results of checks, one line each: a level, a topic, what was found, and how to correct it.
---   local report = require("lib.doctor.report").new()
---   report:ok("token", "valid")
---   report:fail("disk", "2 MB are left", "make room in DATA_DIR")
---   return report:status()   -- 0, or 1 when something failed
--- `report.counts` is { ok =, warn =, fail = }; `report.results` lists what is not ok as
--- { level =, what =, found = }.
local console = require "core.console"

local Report = {}
Report.__index = Report
local report = {}

---@param is_silent boolean|nil  print nothing
function report.new(is_silent)
  return setmetatable({
    counts = { ok = 0, warn = 0, fail = 0 }, results = {}, is_silent = is_silent or false,
  }, Report)
end

local function add(self, level, what, found, correction)
  self.counts[level] = self.counts[level] + 1
  if level ~= "ok" then
    self.results[#self.results + 1] = { level = level, what = what, found = found }
  end
  if self.is_silent then return end
  console.print(("%-5s %-12s %s"):format(level, what, found))
  if correction then console.print(("%-5s %-12s   -> %s"):format("", "", correction)) end
end

function Report:ok(what, found) add(self, "ok", what, found) end

function Report:warn(what, found, correction) add(self, "warn", what, found, correction) end

function Report:fail(what, found, correction) add(self, "fail", what, found, correction) end

--- The exit status of a command: 1 when something failed.
function Report:status() return self.counts.fail > 0 and 1 or 0 end

return report
