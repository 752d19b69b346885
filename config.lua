-- AI Stack Deployer: the configuration file and its manual.
--
-- It returns a table. A key that is left out has the default named beside it. Most values come from
-- the environment, so that one image serves every installation; to fix a value here, write it in
-- place of env "NAME". An unknown key or an invalid value stops the start and names the key and the
-- correction; `deployer --check` reports the same without starting anything.
--
--   env "NAME"      the value of an environment variable; nil when it is unset or empty
--   secret "NAME"   a secret, from the variable NAME or from the file whose path is in NAME_FILE.
--                   The file is read again when it changes, so a token rotates without a restart.
--                   The secret itself does not belong in this file.
--
-- The file is read again at each reload. A change of host, port or data_dir needs a restart.
return {
  -- "production" refuses to start on the rehearsal, and is closed unless `access` opens it.
  -- "development" (the default) and "test" do neither. NODE_ENV and APP_ENV mean the same.
  environment = env "APP_ENV" or env "NODE_ENV",

  -- Who may deploy:
  --   "open"          everyone who reaches the portal
  --   "invite"        holders of an invite (made by POST /api/invites) or of an API token
  --   "forward-auth"  users whom the proxy in front has signed in (Traefik with Authelia,
  --                   oauth2-proxy or Authentik), and holders of an API token
  --   "closed"        the admin
  -- Default: "open" in development, "invite" in production. The rules are in policy/access.lua.
  access = env "ACCESS",

  -- For forward-auth: the headers in which the proxy reports the user's login, name, e-mail address
  -- and groups, which rules can use; and the users who are admins, separated by commas.
  forward_auth = {
    user_header = env "FORWARD_AUTH_HEADER" or "Remote-User",
    name_header = env "FORWARD_AUTH_NAME_HEADER" or "Remote-Name",
    email_header = env "FORWARD_AUTH_EMAIL_HEADER" or "Remote-Email",
    groups_header = env "FORWARD_AUTH_GROUPS_HEADER" or "Remote-Groups",
    admins = env "FORWARD_AUTH_ADMINS",
  },

  -- The proxy in front proves itself with this secret, which it sends in the field X-Proxy-Secret.
  -- What it reports about the client's address, TLS, host and user is then believed. Production
  -- requires it for forward-auth. `deployer bootstrap` makes one and sets up Dokploy's Traefik.
  proxy_secret = secret "PROXY_SECRET",

  -- Addresses or networks of the proxies in front, separated by commas. Without proxy_secret they
  -- are believed because of their address; in production a network of private addresses is not,
  -- because workspaces may be in it. With proxy_secret, a proxy must also be one of these. Default:
  -- without proxy_secret none, with it any.
  trusted_proxies = env "TRUSTED_PROXIES",

  -- Host names under which the portal answers, separated by commas; requests for others are
  -- refused. Default: any; on a loopback address, this machine's names only.
  hosts = env "PORTAL_HOSTS",

  -- An HTTP proxy for the portal's own calls, to Dokploy, registries and workspaces, such as
  -- http://proxy.example.com:3128. Default: none; https_proxy and no_proxy are not read. Without it
  -- go: this machine, names without a dot, private addresses, STACK_CONNECT_TO, and the hosts here
  -- and below them, separated by commas.
  outgoing_proxy = env "OUTGOING_PROXY",
  outgoing_direct = env "OUTGOING_DIRECT",

  -- Where the portal listens. 0.0.0.0 is every address of the machine; port 0 is any free port.
  host = env "HOST" or "127.0.0.1",
  port = env "PORT" or 3000,

  -- The name of this build, shown at /ready: a rollout waits until the new one answers there. The
  -- image sets it.
  release = env "RELEASE",

  -- The time zone of rules that depend on the time of day, such as Europe/Amsterdam.
  zone = env "ZONE" or "UTC",

  -- The portal's own data: the journal and the installation's secret. Keep it on a disk that
  -- outlives the container, and back it up.
  data_dir = env "DATA_DIR" or "./data",

  -- Reload when a script changes. Default: yes in development; in production send SIGHUP.
  watch = nil,

  -- Whether the admin may change the installation's own files (site/) over the API and on the admin
  -- page: "on", or "off" where they come from elsewhere, such as a read-only volume.
  site_edit = env "SITE_EDIT" or "on",

  -- The lowest level that is logged: "debug", "info", "warn" or "error".
  log_level = env "LOG_LEVEL" or "info",

  -- Opens the admin page and API (Authorization: Bearer ...). Unset: there is no admin.
  admin_token = secret "ADMIN_TOKEN",

  -- The Dokploy server. Without a url the portal works on the rehearsal, a simulated Dokploy on
  -- this machine.
  dokploy = {
    url = env "DOKPLOY_URL", -- such as https://dokploy.example.com
    token = secret "DOKPLOY_API_TOKEN",
  },

  -- What a visitor gets: a container at SCHEME://NAME.SUFFIX. (On the rehearsal the address is
  -- always http://NAME.localhost:PORT.)
  stack = {
    -- Such as ai.example.com; *.ai.example.com must resolve to Traefik.
    suffix = env "STACK_DOMAIN_SUFFIX",
    scheme = env "STACK_SCHEME", -- "https" (the default), or "http" where nothing terminates TLS
    -- host:port that health checks connect to instead of the address in DNS, such as traefik:443.
    connect_to = env "STACK_CONNECT_TO",
    image = env "STACK_IMAGE", -- with a tag or a digest, such as ghcr.io/you/ai-stack:1.0
    memory = "2 GiB", -- limit of one workspace; at least 1 GiB, half of which OpenCode itself takes
    cpus = 2, -- limit of one workspace, such as 2 or 0.5; a machine must have as many
    -- Processes and threads that the workspaces of one machine may have together: Linux counts them
    -- by user, and all workspaces run as user 1000. In force from Dokploy 0.27 on.
    processes = 4096,
    -- The Docker network that workspaces run in, and nothing else of Dokploy's but its proxy.
    -- Default: dokploy-network, where their users reach Dokploy's database. deployer bootstrap
    -- creates one: docs/install.md.
    network = env "STACK_NETWORK", -- such as workspaces

    -- For a private registry. Default: the image is public. The registry is the one that the
    -- image's name begins with; no other one gets the password.
    registry = {
      url = env "STACK_REGISTRY_URL", -- default: the image's registry, and it can be no other
      username = env "STACK_REGISTRY_USERNAME",
      password = secret "STACK_REGISTRY_PASSWORD",
    },
  },

  -- Reserved names, separated by commas; scripts/policy/names.lua has more of them, and patterns.
  reserved_names = env "RESERVED_NAMES" or "admin,api,www,root,system,test,demo,portal,deploy",

  limits = {
    max_body = "64 KiB", -- longest request body
    max_connections = 4096, -- open at one time
    script_seconds = 1, -- longest time a script may run without waiting before it is stopped
    script_memory = "64 MiB", -- memory of one loaded version of the scripts
    running_deployments = 8, -- at the same time; others wait in the queue
    queue = 50, -- waiting deployments; further ones are refused until there is room
  },

  -- Webhooks by the Standard Webhooks specification: each event is POSTed to each receiver, signed,
  -- at least once, in order for each workspace; for 24 hours while it fails. Such as
  --   { url = "https://example.com/hooks", secret = secret "WEBHOOK_SECRET", on = { "ready" } }
  -- The secret is whsec_ and 24 to 64 bytes as base64: echo whsec_$(openssl rand -base64 32)
  -- on: created ready failed cancelled deleted stopped started restarted rotated redeployed
  -- repaired rebuilt removed purged sleep_soon asleep woken; default: all. name: what lists call
  -- it; default: the host.
  webhooks = {},

  -- The rehearsal (deployer --rehearsal): a simulated Dokploy for trials and tests. HOST does not
  -- apply to it, because it has no credentials.
  rehearsal_server = {
    host = env "REHEARSAL_HOST" or "127.0.0.1",
    port = env "REHEARSAL_PORT" or 3100,
    version = env "REHEARSAL_DOKPLOY_VERSION" or "0.30.2", -- of Dokploy: 0.30.2 or 0.26.5
    faults = secret "REHEARSAL_FAULTS", -- faults to inject from the start, as JSON
    speed = env "REHEARSAL_SPEED" or 1, -- deployments take their usual time divided by this
  },
}
