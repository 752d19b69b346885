--- deployer replay: tries the loaded policies on past decisions, for lib/site/try.lua. It reads
--- lines of JSON: the outcomes with the files in force, or null to get them; the workspaces; a
--- decision each. It prints one document.
local console = require "core.console"
local json = require "core.json"
local replay = require "lib.site.replay"

local function read()
  local line = console.read()
  return line and assert(json.decode(line))
end

return {
  run = function()
    local before, workspaces, past = read(), read(), {}
    for decision in read do past[#past + 1] = decision end
    local result = type(before) == "table" and replay.compare(before, past, workspaces)
      or replay.outcomes(past, workspaces)
    console.print(json.encode(result))
  end,
}
