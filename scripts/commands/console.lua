--- deployer console: evaluates lines of the standard input, as deployer eval does.
local console = require "core.console"
local shell = require "lib.site.console"

return {
  run = function()
    shell.open()
    for line in console.read do
      if line:find "%S" then shell.run(line) end
    end
  end,
}
