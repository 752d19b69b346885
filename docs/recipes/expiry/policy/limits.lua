-- A workspace is deleted 7 days after it was made; its files are kept. For the last 2 days its page
-- says so. Instead of all, the id of a template: { large = "2 days", all = "7 days" }.
return {
  lifetimes = { after = { all = "7 days" }, warn = "2 days" },
}
