--- A deployment, step by step: the order of this list is the order of the work.
---
--- To add a step, write a file like the ones here and add one line below. A step is a table:
---   name      its title for people is the text "step.NAME.title" in locales/*.json
---   deadline  the most seconds it may take; after that, the deployment fails and everything made
---             so far is undone
---   expect    the seconds it usually takes; only the progress bar uses it
--- A step that makes one thing in Dokploy has:
---   kind      project application mount domain deployment
---   make      sends the call that makes it: ctx -> { id = ..., ... }; or nil, message, code, info
---   find      looks it up, when no answer came: ctx -> the same table; false when it is not there
--- The engine writes it down before and after, repeats, looks up, and undoes. Any other step has:
---   run       the work: ctx -> true; or nil, a message for the log, and a code (failure.CODE in
---             locales/*.json). It may be run again after a crash: it must look before it makes
---             something, which ctx:create does
---   undo      only for what it made by other means than ctx:create: ctx -> true
---
--- `try` of lib/base/attempt.lua raises the failure of a call, so that a step need not pass it on.
--- What ctx offers is in scripts/lib/operations/ctx.lua, under "For steps". A change takes effect
--- for deployments that begin after the reload.
return {
  require "steps.project",     -- a project in Dokploy; its default environment comes with it
  require "steps.application", -- the application in it
  require "steps.settings",    -- image, environment variables, volume and limits, side by side
  require "steps.domain",      -- the public address
  require "steps.deploy",      -- asks Dokploy to deploy
  require "steps.outcome",     -- until Dokploy reports the outcome; its log is passed on
  require "steps.health",      -- until the workspace answers at its address, and is locked

  deadline = 1200, -- the most seconds for all of it, without the time in the queue
}
