return {
  { id = "large", memory = "8 GiB", cpus = 4,
    title = { en = "Large", nl = "Groot", ar = "كبيرة" } },
}
