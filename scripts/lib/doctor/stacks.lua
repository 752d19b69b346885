--- The stacks' side: that any name leads to the proxy, that the proxy has a certificate for it, and that the image can be pulled.
local config = require "core.config"
local crypto = require "core.crypto"
local http = require "core.http"
local image = require "lib.doctor.image"

local stack = config.stack

local function any_host()
  return ("doctor-%s.%s"):format(crypto.token(6):lower():gsub("[^a-z0-9]", "x"), stack.suffix)
end

local function url_of(host)
  return ("%s://%s%s/"):format(stack.scheme, host, stack.public_port and ":" .. stack.public_port or "")
end

local cures = {
  dns = "make a DNS record *." .. stack.suffix .. " that leads to Dokploy's Traefik",
  refused = "does Traefik listen there? Health checks can take another way: STACK_CONNECT_TO=host:port",
  timeout = "a firewall, or hairpin NAT: set STACK_CONNECT_TO=host:port to the proxy's inner address",
}

-- Let's Encrypt's certificates are renewed 30 days before their end: fewer than 21 means that a renewal has failed for more than a week.
local DAYS_WARN, DAYS_FAIL = 21, 3
local renew = "renewing does not work: look for \"acme\" in Traefik's log"

local function look_end(report, ends)
  if not ends then
    return report:warn("certificate",
      "valid for any name below " .. stack.suffix .. "; until when could not be read", "look at it in a browser")
  end
  local days = (ends - os.time()) // 86400
  local said = ("valid for any name below %s, days left: %d"):format(stack.suffix, days)
  report.certificate_ends = ends
  if days < DAYS_FAIL then
    report:fail("certificate", said, renew)
  elseif days < DAYS_WARN then
    report:warn("certificate", said, renew)
  else
    report:ok("certificate", said)
  end
end

-- Without a certificate for every name, each stack must get its own first; that takes a while, and issuers count.
local function look_invalid(report, url)
  local bare = http.request { url = url, timeout = 5, verify = false, fresh = true, certificate = true, connect_to = stack.connect_to }
  local ends = bare and bare.certificate_ends
  if not bare then
    report:fail("certificate", "TLS fails altogether", "look at Traefik's log")
  elseif ends and ends < os.time() then
    report.certificate_ends = ends
    report:fail("certificate", "it ended on " .. os.date("!%Y-%m-%d", ends), renew)
  else
    report:warn("certificate",
      "none for *." .. stack.suffix .. ": each stack gets its own, which takes a while and is limited by the issuer",
      "let Traefik have a wildcard certificate by the DNS challenge")
  end
end

local function look_certificate(report, url, answer)
  if stack.scheme ~= "https" then return end
  if answer then look_end(report, answer.certificate_ends) else look_invalid(report, url) end
end

local function look_address(report)
  local url = url_of(any_host())
  local answer, message, code = http.request { url = url, timeout = 5, fresh = true, certificate = true, connect_to = stack.connect_to }
  if answer or code == "tls" then
    report:ok("dns", ("any name below %s leads to %s"):format(stack.suffix, stack.connect_to or "a proxy"))
    look_certificate(report, url, answer)
    if answer and answer.status ~= 404 then
      report:warn("proxy", ("a name that nobody has answers %d; Traefik answers 404"):format(answer.status),
        "is something else in front of it?")
    end
    return
  end
  report:fail("dns", tostring(message), cures[code] or "see to the proxy in front of the stacks")
end

return function(report)
  look_address(report)
  if config.rehearsal then return end
  image(report, stack.image, stack.registry)
end
