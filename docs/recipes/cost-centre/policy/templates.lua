-- Nobody deploys without a cost centre: two letters and four digits.
return {
  { id = "default", -- replaces the shipped one
    parameters = {
      { id = "cost_centre", required = true, pattern = "^%u%u%d%d%d%d$",
        example = "AB1234",
        title = { en = "Cost centre", nl = "Kostenplaats", ar = "مركز التكلفة" },
        help = {
          en = "Two capital letters and four digits, such as AB1234.",
          nl = "Twee hoofdletters en vier cijfers, zoals AB1234.",
          ar = "حرفان لاتينيان كبيران وأربعة أرقام، مثل AB1234.",
        } },
    } },
}
