-- Nobody gets a name that begins with project- or exam-.
return {
  prefixes = { "project-", "exam-" },
  examples = {
    { "name_reserved", "project-x" },
    { "yes", "my-project" },
  },
}
