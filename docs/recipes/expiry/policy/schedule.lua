-- A workspace is deleted 7 days after it was made; from 2 days before on, its page says so.
-- Its files are kept.
local DAY = 24 * 3600

local warning = {
  en = "This workspace expires in less than 2 days. Save your work elsewhere.",
  nl = "Deze werkruimte verloopt binnen 2 dagen. Bewaar je werk ergens anders.",
  ar = "تنتهي مساحة العمل هذه خلال أقل من يومين. احفظ عملك في مكان آخر.",
}

return {
  { name = "expiry", cron = "0 * * * *", -- every hour
    run = function(portal)
      for _, workspace in ipairs(portal.workspaces()) do
        local age = portal.now() - workspace.created_at
        if age > 7 * DAY then
          portal.delete(workspace.name, "7 days old")
        elseif age > 5 * DAY and not workspace.note then
          portal.note(workspace.name, warning)
        end
      end
    end },
}
