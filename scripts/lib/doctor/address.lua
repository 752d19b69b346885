--- Checks the addresses of the workspaces: any name resolves to the proxy, the proxy has a
--- certificate for it, and the registry has the image.
local config = require "core.config"
local crypto = require "core.crypto"
local http = require "lib.base.outgoing"
local check_image = require "lib.doctor.image"

local stack = config.stack

local function url_of_unused_name()
  local label = crypto.token(6):lower():gsub("[^a-z0-9]", "x")
  local port = stack.public_port and ":" .. stack.public_port or ""
  return ("%s://doctor-%s.%s%s/"):format(stack.scheme, label, stack.suffix, port)
end

local corrections = {
  dns = "make a DNS record *." .. stack.suffix .. " that resolves to Dokploy's Traefik",
  refused = "check that Traefik listens there; health checks can connect elsewhere: "
    .. "STACK_CONNECT_TO=host:port",
  timeout = "a firewall, or hairpin NAT: set STACK_CONNECT_TO=host:port to the proxy's inner "
    .. "address",
}

-- Let's Encrypt's certificates are renewed 30 days before they expire: with fewer than 21 days
-- left, renewal has failed for more than a week.
local DAYS_WARN, DAYS_FAIL = 21, 3
local RENEW = "renewal fails: look for \"acme\" in Traefik's log"

local function check_expiry(report, ends)
  if not ends then
    return report:warn("certificate", "valid for any name below " .. stack.suffix
      .. "; its expiry could not be read", "look at it in a browser")
  end
  local days = (ends - os.time()) // 86400
  local found = ("valid for any name below %s, days left: %d"):format(stack.suffix, days)
  report.certificate_ends = ends
  if days < DAYS_FAIL then
    report:fail("certificate", found, RENEW)
  elseif days < DAYS_WARN then
    report:warn("certificate", found, RENEW)
  else
    report:ok("certificate", found)
  end
end

-- Without a wildcard certificate each workspace waits for one of its own, and issuers limit those.
local function check_invalid(report, url)
  local answer = http.request {
    url = url, timeout = 5, verify = false, fresh = true, certificate = true,
    connect_to = stack.connect_to,
  }
  local ends = answer and answer.certificate_ends
  if not answer then
    report:fail("certificate", "TLS fails", "look at Traefik's log")
  elseif ends and ends < os.time() then
    report.certificate_ends = ends
    report:fail("certificate", "it expired on " .. os.date("!%Y-%m-%d", ends), RENEW)
  else
    report:warn("certificate", "no certificate for *." .. stack.suffix .. ": each workspace gets "
      .. "its own, which takes a while and is limited by the issuer",
      "give Traefik a wildcard certificate by the DNS challenge")
  end
end

local function check_address(report)
  local url = url_of_unused_name()
  local answer, message, code = http.request {
    url = url, timeout = 5, fresh = true, certificate = true, connect_to = stack.connect_to,
  }
  if not answer and code ~= "tls" then
    return report:fail("dns", tostring(message),
      corrections[code] or "check the proxy in front of the workspaces")
  end
  report:ok("dns", ("any name below %s resolves to %s"):format(stack.suffix,
    stack.connect_to or "a proxy"))
  if stack.scheme == "https" then
    if answer then check_expiry(report, answer.certificate_ends) else check_invalid(report, url) end
  end
  if answer and answer.status ~= 404 then
    report:warn("proxy", ("an unused name answers %d; Traefik answers 404"):format(answer.status),
      "check what else is in front of it")
  end
end

-- Pages of workspaces that share a registrable domain with the portal can set cookies for it: so
-- many that the portal's are evicted, or so large that its requests are refused (431). Without the
-- list of public suffixes the last two labels are compared.
local function shared_domain(host)
  local function domain(name) return name:match "([^.]+%.[^.]+)$" end
  local is_below = ("." .. host):sub(-#stack.suffix - 1) == "." .. stack.suffix
  return is_below and stack.suffix or domain(host) and domain(host) == domain(stack.suffix)
    and domain(host)
end

local function check_neighbours(report)
  for host in pairs(config.hosts or {}) do
    local domain = shared_domain(host)
    if domain then
      return report:warn("cookies", ("workspaces share the domain %s with the portal: their pages "
        .. "can push its cookies out of a browser"):format(domain),
        "give workspaces a domain of their own (STACK_DOMAIN_SUFFIX); if this is a public suffix "
          .. "such as co.uk, nothing is wrong")
    end
  end
end

return function(report)
  check_address(report)
  check_neighbours(report)
  if not config.rehearsal then check_image(report, stack.image, stack.registry) end
end
