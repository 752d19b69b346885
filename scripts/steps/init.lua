--- A deployment, step by step: the order of this list is the order of the work.
---
--- To add a step to an installation, put a file like the ones here into site/steps/, with the key
--- `after` or `before`; nothing is edited here. A step is a table:
---   after     the name of the step that it follows; or before: of the one that it precedes
---   name      a word; else the name of its file
---   title     for people, by language: { en = "...", nl = "...", ar = "..." }; else the text
---             "step.NAME.title" in locales/*.json, else its name
---   deadline  the most seconds it may take, 90 when it does not say; after that, the deployment
---             fails and everything made so far is undone
---   expect    the seconds it usually takes, 1 when it does not say; only the progress bar uses it
---   optional  true: when it fails, the deployment goes on; the page and the log have a warning
---   ahead     true: it can be done before the workspace has a name and an owner, where a template
---             has a `pool`; claim: what is then done when somebody gets it: ctx -> true
--- A step that makes one thing has:
---   kind      mount or domain, of the application; or a word of its own, such as dns_record. (The
---             shipped steps also make a project, an application and a deployment.)
---   make      sends the call that makes it: ctx -> { id = ..., ... }; or nil, message, code, info
---   find      looks it up, when no answer came: ctx -> the same table; false when it is not there
---   undo      only for a kind of its own: removes it. (ctx, resource) -> true
--- The engine writes it down before and after, repeats, looks up, and undoes. Any other step has:
---   run       the work: ctx -> true; or nil, a message for the log, and a code (failure.CODE in
---             locales/*.json). It may be run again after a crash: it must look before it makes
---             something, which ctx:create does
---   undo      removes what it noted with ctx:record, or made with ctx:create under a kind of its
---             own. (ctx, resource) -> true; resource: { kind, id, data }
---
--- An undo is called once for each such resource: when the deployment fails, and when the workspace
--- is deleted, also after a restart or a new version of the step. It may be called again, so what
--- is gone already is a success. What it cannot remove is listed as left over and tried again.
---
--- `try` of lib/base/attempt.lua raises the failure of a call, so that a step need not pass it on.
--- What ctx offers is in scripts/meta/step.lua. A change takes effect for deployments that begin
--- after the reload.
local site = require "lib.base.site"
local step_list = require "lib.operations.step_list"

return step_list.arrange({
  require "steps.project",     -- a project in Dokploy; its default environment comes with it
  require "steps.application", -- the application in it
  require "steps.settings",    -- image, environment variables, volume and limits, side by side
  require "steps.domain",      -- the public address
  require "steps.deploy",      -- asks Dokploy to deploy
  require "steps.outcome",     -- until Dokploy reports the outcome; its log is passed on
  require "steps.health",      -- until the workspace answers at its address, and is locked

  deadline = 1200, -- the most seconds for all of it, without the time in the queue
}, site.parts "steps")
