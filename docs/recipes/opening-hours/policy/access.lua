-- New workspaces from Monday to Friday, 8:00 to 18:00. The admin may deploy at any time, because
-- the rule admin_may_all comes earlier.
local refusal = {
  code = "closed_now", status = 403,
  text = {
    en = "You can create workspaces from Monday to Friday between 8:00 and 18:00.",
    nl = "Je kunt werkruimten maken van maandag tot en met vrijdag tussen 8.00 en 18.00 uur.",
    ar = "يمكنك إنشاء مساحات العمل من الاثنين إلى الجمعة بين الساعة 8:00 و18:00.",
  },
}

return {
  rules = {
    { name = "opening_hours", before = "mode",
      decide = function(_, action, what)
        if action ~= "deploy" then return nil end -- nil: the next rule decides
        local now = what.now
        if now.weekday > 5 or now.hour < 8 or now.hour >= 18 then return false, refusal end
      end },
  },
  examples = {
    { "yes", { kind = "visitor" }, "deploy", { now = { weekday = 1, hour = 8 } } },
    { "closed_now", { kind = "visitor" }, "deploy", { now = { weekday = 1, hour = 18 } } },
    { "closed_now", { kind = "visitor" }, "deploy", { now = { weekday = 6, hour = 12 } } },
    { "yes", { kind = "admin" }, "deploy", { now = { weekday = 6, hour = 12 } } },
  },
}
