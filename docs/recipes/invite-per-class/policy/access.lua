-- Each class has an invite, whose label is the class, such as art1. With it only names of that
-- class can be taken: art1-anna. Access is "invite".
return {
  rules = {
    { name = "class", before = "mode",
      decide = function(_, action, what)
        local class = what.invite_label
        if action ~= "deploy" or not class or class == "" then return nil end
        local start = class .. "-"
        if what.name:sub(1, #start) == start then return nil end
        return false, {
          code = "class_missing",
          text = {
            en = ("Begin the name with %s, for your class."):format(start),
            nl = ("Begin de naam met %s, voor je klas."):format(start),
            ar = ("ابدأ الاسم بـ %s لصفك."):format(start),
          },
        }
      end },
  },
  examples = {
    { "yes", { kind = "visitor" }, "deploy",
      { mode = "invite", invite = "good", invite_label = "art1", name = "art1-anna" } },
    { "class_missing", { kind = "visitor" }, "deploy",
      { mode = "invite", invite = "good", invite_label = "art1", name = "art2-anna" } },
  },
}
