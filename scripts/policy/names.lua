--- Which names nobody may take. Add a word or a pattern: one line each. A change applies when the
--- scripts are reloaded. Also reserved, without an edit here: reserved_names of config.lua (the
--- variable RESERVED_NAMES).
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

  -- Lua patterns, tried on the whole name: ^ and $ are its ends, %d a digit, %- a hyphen, .*
  -- anything.
  patterns = {
    "^www%d*$",      -- www, www2
    "^ns%d+$",       -- ns1: name servers
    "^mx%d+$",       -- mx1: mail servers
    "^admin%-",      -- admin-tools: looks official
    "^dokploy%-",    -- dokploy-...: Dokploy's own services
  },

  -- Ways to change a name that is not free; %s is the name. The first free ones are suggested.
  variations = {
    "%s-2", "my-%s", "%s-lab", "%s-dev", "%s-3", "%s-app", "%s-box", "the-%s",
  },
  suggestions = 3,

  -- Suggested instead of a name that no Latin letters can stand for, such as a Chinese one.
  neutral = { "studio", "workbench", "playground" },
}
