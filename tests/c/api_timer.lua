-- core.timer, but for timer.every.
local timer = require "core.timer"

local cases, parts = {}, {}

function cases.zone()
  assert(timer.zone "Europe/Amsterdam":sub(1, 4) == "TZif")
  local function fails(name, code)
    local bytes, message, seen = timer.zone(name)
    assert(bytes == nil and #message > 0 and seen == code, name)
  end
  fails("Europe/Nowhere", "missing")
  fails("Europe", "missing") -- a folder
  for _, name in ipairs { "", "../../../etc/passwd", "/etc/passwd", "a b", ("x"):rep(65) } do
    fails(name, "invalid")
  end
end

function cases.real_time()
  assert(timer.to_real(5) == 5 and timer.to_real(0) == 0)
end

return cases, parts
