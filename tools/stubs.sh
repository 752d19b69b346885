#!/usr/bin/env bash
# Holds the editor stubs of scripts/meta/ against what the binary really registers: tools/stubs.sh build/deployer
# It asks the binary itself: `--check` runs a tree whose only script looks into each core module and raises what differs.
set -euo pipefail
cd "$(dirname "$0")/.."
deployer=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cp -r config.lua scripts www locales "$root"

stubs() { # what the stubs declare, as a Lua table: ["core.http"] = { request = "function" },
    for file in scripts/meta/*.lua; do
        awk '
            /^---@meta/ { module = $2; printf "[\"%s\"] = {", module; n = split(module, part, "."); name = part[n] }
            match($0, "^function [a-z_]+\\.[a-z_0-9]+") { split(substr($0, 10, RLENGTH - 9), f, "."); if (f[1] == name) printf " %s = \"function\",", f[2] }
            match($0, "^[a-z_]+\\.[a-z_]+ = nil") { split($1, f, "."); if (f[1] == name) printf " %s = \"userdata\",", f[2] }
            END { print " }," }' "$file"
    done
}
registered_names() { grep -hoE '\{ "core\.[a-z]+", api_' core/api_modules.c | grep -oE '"core\.[a-z]+"' | sort -u; }

{
    echo "local stubs = {"; stubs; echo "}"
    echo "local names = {"; registered_names | sed 's/$/,/'; echo "}"
    cat <<'LUA'
local faults = {}
local known = {}
for _, name in ipairs(names) do
  known[name] = true
  local stub = stubs[name]
  if not stub then
    faults[#faults + 1] = name .. " has no stub"
  else
    local module = require(name)
    for key, kind in pairs(stub) do
      local is = type(module[key])
      if is ~= kind then faults[#faults + 1] = ("%s.%s is a %s in the stub and %s in the binary"):format(name, key, kind, is) end
    end
    -- core.config also holds the settings; of it only the stub's own names are compared.
    if name ~= "core.config" then
      for key in pairs(module) do
        if not stub[key] then faults[#faults + 1] = name .. "." .. key .. " is missing in the stub" end
      end
    end
  end
end
for name in pairs(stubs) do
  if not known[name] then faults[#faults + 1] = name .. " has a stub and is not registered" end
end
if #faults > 0 then
  table.sort(faults)
  error("stubs: " .. table.concat(faults, "; "), 0)
end
LUA
} >"$root/scripts/init.lua"

if output=$("$deployer" --root "$root" --check 2>&1); then
    echo "stubs: the editor sees what the binary registers"
else
    echo "$output" >&2
    exit 1
fi
