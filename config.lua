-- AI Stack Deployer: the one configuration file, and its own manual.
--
-- It returns a table. What is left out has the default that stands beside it. Most values come from the environment, so that one
-- image serves every installation; write a value in place of env "NAME" to fix it here. An unknown key or a bad value stops the
-- start with the key's path and the cure; `deployer --check` tells the same without starting anything.
--
--   env "NAME"      what the environment variable holds; nil when it is unset or empty
--   secret "NAME"   a secret: the variable NAME, or the file that NAME_FILE names (read again when it changes, so a token
--                   rotates with no restart). The secret itself never stands in this file.
--
-- Read again at each reload. A change of host, port or data_dir needs a restart.
return {
  -- "production" puts the guards up: no start on the rehearsal, and nobody deploys unless access says so.
  -- "development" (the default) and "test" do without. NODE_ENV and APP_ENV are two names for one thing.
  environment = env "APP_ENV" or env "NODE_ENV",

  -- Who may deploy:
  --   "open"          everybody who reaches the portal
  --   "invite"        who brings an invite (POST /api/invites makes one) or an API token
  --   "forward-auth"  whom the proxy in front has logged in (Traefik with Authelia, oauth2-proxy or Authentik), and API tokens
  --   "closed"        only the admin
  -- Left out: open in development; in production closed to everybody without an invite or a token. The rules stand in policy/access.lua.
  access = env "ACCESS",

  -- For forward-auth: the field in which the proxy names the user, and the users who are admins, separated by commas.
  forward_auth = {
    user_header = env "FORWARD_AUTH_HEADER" or "Remote-User",
    admins = env "FORWARD_AUTH_ADMINS",
  },

  -- Proxies in front, by address or network, separated by commas: what they say about a client's address, its TLS and its user is believed;
  -- nobody else's word is. Left out: none is trusted.
  trusted_proxies = env "TRUSTED_PROXIES",

  -- The host names under which the portal answers, separated by commas; a request for another one is refused. Left out: any;
  -- where the portal listens on this machine alone, only this machine's names.
  hosts = env "PORTAL_HOSTS",

  -- Where the portal listens. 0.0.0.0 is every address of the machine; port 0 is any free one.
  host = env "HOST" or "127.0.0.1",
  port = env "PORT" or 3000,

  -- What this build is called, at /ready: a rollout waits until the new one answers there. The image sets it.
  release = env "RELEASE",

  -- The portal's own data: the journal and the installation's secret. Keep it on a disk that outlives the container, and back it up.
  data_dir = env "DATA_DIR" or "./data",

  -- Reload when a file of the scripts changes. Left out: yes in development, no in production (there: send SIGHUP).
  watch = nil,

  -- The least that is logged: "debug", "info", "warn" or "error".
  log_level = env "LOG_LEVEL" or "info",

  -- Opens the admin's view of every stack (Authorization: Bearer ...). Unset: there is no admin.
  admin_token = secret "ADMIN_TOKEN",

  -- The Dokploy server. Without a url the portal works on the rehearsal, a double of Dokploy on this machine.
  dokploy = {
    url = env "DOKPLOY_URL", -- such as https://dokploy.example.com
    token = secret "DOKPLOY_API_TOKEN",
  },

  -- What a visitor gets: a container at SCHEME://NAME.SUFFIX. (On the rehearsal: http://NAME.localhost:PORT, whatever is set here.)
  stack = {
    suffix = env "STACK_DOMAIN_SUFFIX", -- such as ai.example.com; *.ai.example.com must lead to Dokploy's Traefik
    scheme = env "STACK_SCHEME", -- "https" (the default), or "http" where nothing terminates TLS
    connect_to = env "STACK_CONNECT_TO", -- host:port that health checks connect to in place of what DNS says, such as traefik:443
    image = env "STACK_IMAGE", -- with a tag or a digest
    memory = "2 GiB", -- the limit of one stack; 1 GiB is the least: OpenCode takes about half of it, builds the rest
    cpus = nil, -- the limit of one stack, such as 2 or 0.5; left out: none

    -- For a private registry. Left out: the image is public.
    registry = {
      url = env "STACK_REGISTRY_URL", -- such as ghcr.io; left out: Docker Hub
      username = env "STACK_REGISTRY_USERNAME",
      password = secret "STACK_REGISTRY_PASSWORD",
    },
  },

  -- Names that nobody may take, separated by commas. More of them, and patterns, stand in scripts/policy/names.lua.
  reserved_names = env "RESERVED_NAMES" or "admin,api,www,root,system,test,demo,portal,deploy",

  limits = {
    max_body = "64 KiB", -- the longest request body
    max_connections = 4096, -- open at one time
    script_seconds = 1, -- the longest that a script may run without waiting; then it is stopped
    script_memory = "64 MiB", -- the most that one generation of the scripts may hold
    running_deployments = 8, -- side by side; the others wait in the queue
    queue = 50, -- waiting; who comes then is told to try later
  },

  -- The rehearsal (deployer --rehearsal): a Dokploy that deploys nothing real, for trying out and for tests.
  rehearsal_server = {
    host = env "REHEARSAL_HOST" or "127.0.0.1", -- HOST is the portal's alone: whoever reaches the rehearsal may play with it
    port = env "REHEARSAL_PORT" or 3100,
    version = env "REHEARSAL_DOKPLOY_VERSION" or "0.30.2", -- the Dokploy that it plays: 0.30.2 or 0.26.5
    faults = secret "REHEARSAL_FAULTS", -- faults to play from the start, as JSON; or REHEARSAL_FAULTS_FILE names a file that holds them
    speed = env "REHEARSAL_SPEED" or 1, -- deployments take their usual time divided by this
  },
}
