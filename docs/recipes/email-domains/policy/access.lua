-- Only people with an address of ours may deploy. Access is "forward-auth".
local domains = { ["example.com"] = true, ["students.example.com"] = true }

local refusal = {
  code = "other_domain",
  text = {
    en = "Log in with your address at example.com.",
    nl = "Log in met je adres van example.com.",
    ar = "سجّل الدخول بعنوانك على example.com.",
  },
}

return {
  rules = {
    { name = "email_domain", before = "mode",
      decide = function(who, action)
        if action ~= "deploy" or who.kind ~= "user" then return nil end
        local domain = (who.email or ""):match "@(.+)$" -- what follows the @
        if not domain or not domains[domain] then return false, refusal end
      end },
  },
  examples = {
    { "yes", { kind = "user", email = "anna@example.com" }, "deploy" },
    { "other_domain", { kind = "user", email = "anna@example.com.evil.org" }, "deploy" },
    { "other_domain", { kind = "user" }, "deploy" },
  },
}
