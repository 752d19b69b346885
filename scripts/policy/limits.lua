--- How much one client may ask for: requests in a time, workspaces in all. A change applies when
--- the scripts are reloaded; what has been counted stays counted.
---
--- An installation's own are in site/policy/limits.lua, a table with the keys of this one that are
--- to be different. There production and development may be left out: { quotas = { owner = 2 } }
--- holds in both.
return {
  page = 50,       -- rows in one answer of a list when the client does not say
  page_max = 200,  -- and at most

  idempotency_key = 255, -- the longest Idempotency-Key, in characters
  -- Keys at least this long count as unguessable; a shorter key from a visitor is bound to the
  -- client that used it first.
  idempotency_random = 32,

  reconcile = 300, -- seconds between two comparisons of Dokploy with the journal

  -- Seconds after an operation's end for which all its events are kept; how it ended stays for
  -- good.
  events_kept = 90 * 24 * 3600,

  -- How many workspaces there may be: of one owner, from one network, in all; nil or false: no
  -- limit. The admin may exceed them. `groups`: instead, of an owner in a group that the proxy in
  -- front names, such as { students = { owner = 1 }, staff = { owner = 10 } }; of several the
  -- largest.
  quotas = {
    production = { owner = 5, network = 20, total = 500 },
    development = {},
  },

  -- Seconds for which the name of a deleted workspace rests: only its last owner and the admin can
  -- use it again. Browsers still hold bookmarks and service workers of the last one. 0: not at all.
  rest = { production = 30 * 24 * 3600, development = 0 },

  -- How long workspaces live after they were made, by template; `all`: every other template. Then
  -- they are deleted, and their files kept. nil: for good. `warn`: how long before that the owner
  -- is told, on the workspace's page and by the event ends_soon. None is deleted unwarned: one that
  -- is older already when this comes into force is warned then, and ends `warn` later. `extend`:
  -- by how much its owner may put that off, as often as `at_most` allows together (without it,
  -- once). Such as { after = { all = "30 days" }, extend = "7 days", at_most = "21 days" }.
  lifetimes = { after = {}, warn = "2 days" },

  -- The files of deleted workspaces: how long they are kept; nil: until their owner deletes them.
  -- `warn`: how long before that it is announced in the owner's list and by the event purge_soon;
  -- what was not announced is never deleted. Such as { purge_after = "90 days", warn = "7 days" }.
  kept = { warn = "7 days" },

  -- Workspaces that fall asleep when nobody uses them (sleep_after of a template): how long before
  -- the owner is told on the workspace's page, and how long "keep awake" lasts.
  sleep = { warn = "10 minutes", keep_awake = "4 hours" },

  -- How many progress streams may be open: of one client (many people may share an address), and
  -- in all; nil or false: no limit. The rest of limits.max_connections in config.lua is left to
  -- other requests.
  streams = {
    production = { client = 200, total = 3000 },
    development = {},
  },

  -- Requests of one class: { how many at once, seconds until as many are available again }. Counted
  -- for each client (an IPv4 address, the /64 of an IPv6 one) and, once it is known, for each
  -- owner. In development they only stop a loop gone wild.
  rates = {
    production = {
      check = { 60, 60 },     -- is this name free? Asked while somebody types
      read = { 240, 60 },     -- pages, lists, streams
      change = { 30, 60 },    -- stop, start, delete, keys...
      deploy = { 10, 3600 },  -- deploys that were accepted; a refused one is a change
      auth = { 10, 600 },     -- invalid keys, tokens, invites and links
      login = { 10, 600 },    -- invalid tokens at the admin's log-in
      deploy_all = { 120, 3600 }, -- accepted deploys of all clients together
    },
    development = {
      check = { 100000, 1 },
      read = { 100000, 1 },
      change = { 10000, 10 },
      deploy = { 10000, 60 },
      auth = { 1000, 60 },
      login = { 1000, 60 },
      deploy_all = { 100000, 60 },
    },
  },

  -- A whole IPv6 /48 gets this many times one client's budget, because its holder has 65,536 /64s.
  site = 8,

  -- The clients of a proxy that the portal does not trust share one client's budgets, this many
  -- times as large (docs/install.md, "The proxy in front").
  shared = 20,

  -- The class of a route; false: no limit. Routes that are not listed: GET is "read", everything
  -- else "change".
  classes = {
    ["/health"] = false, -- monitors must always get through
    ["/ready"] = false,
    ["/metrics"] = false,
    ["/api/check/:name"] = "check",
    ["/admin/login"] = false, -- invalid tokens count as "login", and strangers lock nobody out
  },
}
