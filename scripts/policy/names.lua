--- Which names nobody may take. An installation adds its own in site/policy/names.lua, with the
--- same keys. Also reserved, without an edit: reserved_names of config.lua (the variable
--- RESERVED_NAMES).
return {
  -- Whole names, in lower case.
  words = {
    -- a host of this name is taken for a mail server
    "mail", "smtp", "imap", "pop", "mx", "webmail",
    -- programs look these up by themselves and believe what they find
    "autoconfig", "autodiscover", "wpad", "isatap",
    -- infrastructure that may come later
    "ns", "dns", "ntp", "ftp", "vpn", "proxy", "gateway",
    -- ours, beside the workspaces
    "dokploy", "traefik", "registry", "docker", "grafana", "prometheus",
    "localhost", "status", "health", "metrics", "static", "assets", "cdn",
    -- a page that asks for a password
    "login", "auth", "sso", "oauth", "account", "accounts", "billing", "payment",
    "security", "abuse", "support", "help", "postmaster", "hostmaster", "webmaster",
    "administrator",
  },

  -- Starts of names, in plain text, such as "project-".
  prefixes = { "admin-", "dokploy-" }, -- looks official; Dokploy's own services

  -- Lua patterns, tried on the whole name: ^ and $ are its ends, %d a digit, %- a hyphen, .*
  -- anything.
  patterns = {
    "^www%d*$",      -- www, www2
    "^ns%d+$",       -- ns1: name servers
    "^mx%d+$",       -- mx1: mail servers
  },

  -- For all other rules: check(name, who) returns nothing or true when the name is fine; or false
  -- and a code, or false and { code =, status =, text = { en =, nl =, ar = } }.
  check = nil,

  -- Ways to change a name that is not free; %s is the name. The first free ones are suggested.
  variations = {
    "%s-2", "my-%s", "%s-lab", "%s-dev", "%s-3", "%s-app", "%s-box", "the-%s",
  },
  suggestions = 3,

  -- Suggested instead of a name that no Latin letters can stand for, such as a Chinese one.
  neutral = { "studio", "workbench", "playground" },

  -- Tried before a change is in force: "yes" or the code of the refusal, the name, and who where
  -- that matters.
  examples = {
    { "yes", "anna" },
    { "name_reserved", "mail" },
    { "name_reserved", "www2" },
    { "name_reserved", "admin-tools" },
    { "yes", "administer" },
    { "name_invalid", "a" },
  },
}
