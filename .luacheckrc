-- Scripts define no globals: they require everything they use.
std = "lua54"
max_line_length = 100
codes = true
unused_args = true
self = false
exclude_files = { "tests/node_modules/**", "build/**", "data/**" }

-- Stubs for editors: functions without a body.
files["scripts/meta/*.lua"] = { ignore = { "212", "221", "241", "311" } }

-- The only globals of the configuration.
files["config.lua"] = { globals = { "env", "secret" }, std = "none" }
files["docs/recipes/*/config.lua"] = files["config.lua"]

files["tests/lua"] = { std = "+busted" }
files["tests/contract"] = { std = "+busted" }
