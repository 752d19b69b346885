-- Names begin with a faculty: law-anna, med-bob.
local faculties = { law = true, med = true, art = true } -- a set: faculties.law is true

local refusal = {
  code = "faculty_missing",
  text = {
    en = "Begin the name with your faculty: law-, med- or art-.",
    nl = "Begin de naam met je faculteit: law-, med- of art-.",
    ar = "ابدأ الاسم برمز كليتك: law- أو med- أو art-.",
  },
}

return {
  check = function(name)
    local start = name:match "^(%l+)%-" -- the letters before the first hyphen, else nil
    if start and faculties[start] then return true end
    return false, refusal
  end,
  examples = { { "yes", "law-anna" }, { "faculty_missing", "anna" } },
}
