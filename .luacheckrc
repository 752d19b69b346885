-- Everything that scripts may use is required; there are no globals of our own.
std = "lua54"
max_line_length = 150
codes = true
unused_args = true
self = false
exclude_files = { "tests/node_modules/**", "build/**", "data/**" }

-- Stubs for editors: functions without a body.
files["scripts/meta/*.lua"] = { ignore = { "212", "221", "241", "311", "631" } }

-- The configuration may use these two and nothing else.
files["config.lua"] = { globals = { "env", "secret" }, std = "none" }

files["tests/lua"] = { std = "+busted", max_line_length = 170 }
files["tests/contract"] = { std = "+busted" }
