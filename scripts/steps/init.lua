--- A deployment, step by step: the order of this list is the order of the work.
---
--- To add a step, write a file like the ones here and add one line below. A step is a table:
---   name      a word; its title for people is the text "step.NAME.title" in locales/*.json
---   deadline  the most seconds it may take; when they are over, the deployment fails and everything made so far is taken away
---   expect    the seconds it usually takes; only the progress bar uses it
---   run       the work: a function that gets `ctx` and returns true, or nil, a message for the log, and a code
---   undo      only for what a step makes by other means than ctx:create: a function that takes it away again
--- A code is one of the words of failure.CODE in locales/*.json.
---
--- A step may be run again after a crash: it must look before it makes something. ctx:create does that for you.
--- What ctx offers is in scripts/lib/operations/ctx.lua, under "For steps". A change takes effect for deployments that begin after the reload.
return {
  require "steps.project",     -- a project in Dokploy; its default environment comes with it
  require "steps.application", -- the application in it
  require "steps.settings",    -- image, environment variables, volume and limits, side by side
  require "steps.domain",      -- the public address
  require "steps.deploy",      -- Dokploy is asked to deploy
  require "steps.outcome",     -- until Dokploy says how that went; its log is passed on
  require "steps.health",      -- until the stack answers at its address, and is locked

  deadline = 1200, -- the most seconds for all of it together, without the time in the queue
}
