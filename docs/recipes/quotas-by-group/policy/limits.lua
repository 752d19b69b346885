-- One workspace for each person, ten for staff; the groups are those that the log-in proxy names.
return {
  quotas = {
    owner = 1,
    groups = { staff = { owner = 10 } },
  },
}
