-- Beside the default, people can choose a workspace with more memory.
return {
  { id = "large", memory = "8 GiB", cpus = 4,
    title = { en = "Large", nl = "Groot", ar = "كبيرة" },
    about = {
      en = "For builds and data.",
      nl = "Voor builds en data.",
      ar = "للبناء والبيانات.",
    } },
}
