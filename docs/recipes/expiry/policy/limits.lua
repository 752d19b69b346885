-- A workspace is deleted 7 days after it was made; its files are kept. For the last 2 days its page
-- says so. Instead of all, the id of a template: { large = "2 days", all = "7 days" }.
-- It holds for existing workspaces, too: one that is older already is warned of, and deleted 2 days
-- later. Its owner may put that off for 7 days, twice.
return {
  lifetimes = {
    after = { all = "7 days" }, warn = "2 days", extend = "7 days", at_most = "14 days",
  },
}
