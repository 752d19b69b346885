--- deployer eval EXPRESSION: evaluates it with the configuration, the policies and the
--- installation's own files.
local console = require "core.console"
local shell = require "lib.site.console"

local help = [[
deployer eval EXPRESSION

Evaluates a Lua expression with the configuration, the policies and the installation's own files,
and prints its value:

  explain(WHO, ACTION, WHAT)   what each rule answers, such as
                               explain({ kind = "user", groups = { "staff" } }, "deploy")
  check_name(NAME, WHO)        true, or the code of the refusal
  template(ID), limits, config, now()
  query(SQL, VALUE...)         rows of a copy of the journal, such as
                               query "SELECT name, state FROM stacks"]]

return {
  run = function(arguments)
    if #arguments ~= 1 or arguments[1] == "--help" then
      console.print(help)
      return arguments[1] == "--help" and 0 or 2
    end
    shell.open()
    return shell.run(arguments[1])
  end,
}
