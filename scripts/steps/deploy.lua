--- Asks Dokploy to deploy. That only puts it into Dokploy's queue; the next step follows it, by the
--- title given here.
local submission = require "lib.operations.submission"

return {
  name = "deploy",
  deadline = 90,
  expect = 1,
  ahead = true,
  run = function(ctx) return submission.send(ctx, 1) end,
}
