return { site = { dns = "https://dns.example.com/records/" } }
