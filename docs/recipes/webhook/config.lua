-- Each event is sent to the CRM, signed. The secret is in the variable WEBHOOK_SECRET, or in the
-- file that WEBHOOK_SECRET_FILE names; make one with: echo whsec_$(openssl rand -base64 32)
return {
  webhooks = {
    { url = "https://crm.example.com/hook", secret = secret "WEBHOOK_SECRET",
      on = { "ready", "deleted" } },
  },
}
