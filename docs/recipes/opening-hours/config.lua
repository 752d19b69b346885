return { zone = "Europe/Amsterdam" } -- of what.now in rules
