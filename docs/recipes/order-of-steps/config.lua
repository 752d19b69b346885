return {
  site = { -- settings of one's own: config.site
    licences = "https://licences.example.com/check/",
    chat = "https://chat.example.com/hook",
  },
}
