-- A large workspace needs the admin's approval, which is one line here. The history of versions
-- says who gave it, when and why. Access is "forward-auth".
local approved = {
  ["anna@example.com"] = true,
}

local refusal = {
  code = "approval_needed",
  text = {
    en = "Ask helpdesk@example.com to approve a large workspace for you.",
    nl = "Vraag helpdesk@example.com om een grote werkruimte voor je goed te keuren.",
    ar = "اطلب من helpdesk@example.com الموافقة على مساحة عمل كبيرة لك.",
  },
}

return {
  rules = {
    { name = "approval", before = "mode",
      decide = function(who, action, what)
        if action ~= "deploy" or what.template ~= "large" then return nil end
        if not approved[who.email or ""] then return false, refusal end
      end },
  },
  examples = {
    { "yes", { kind = "user", email = "anna@example.com" }, "deploy", { template = "large" } },
    { "approval_needed", { kind = "user", email = "new@example.com" }, "deploy",
      { template = "large" } },
    { "yes", { kind = "user", email = "new@example.com" }, "deploy", { template = "default" } },
  },
}
