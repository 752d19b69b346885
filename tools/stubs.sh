#!/usr/bin/env bash
# Compares the editor stubs in scripts/meta/ with what the binary registers, and checks that each
# function has an example, a comment of three blanks and a call: tools/stubs.sh BINARY
# The binary compares: --check loads a copy of the tree whose only script is the one below.
set -euo pipefail
cd "$(dirname "$0")/.."
deployer=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cp -r config.lua scripts www locales "$root"

{
    echo "local registered = { $(grep -oE '"core\.[a-z]+"' core/api_modules.c | paste -sd,) }"
    cat <<'LUA'
local server = require "core.server"
local problems = {}

local function report(...) problems[#problems + 1] = string.format(...) end

-- The name of the module that a stub describes, and its names with their types.
local function read_stub(file)
  local text = server.read("scripts/meta/" .. file)
  local module = text:match "^%-%-%-@meta (%S+)"
  local short, types = module:match "[^.]+$", {}
  for name in text:gmatch("\nfunction " .. short .. "%.([%w_]+)") do types[name] = "function" end
  for name in pairs(types) do
    local example = "\n%-%-%-   [^\n]*" .. short .. "%." .. name .. "%f[^%w_]"
    if not text:find(example) then report("%s.%s has no example", module, name) end
  end
  for name in text:gmatch("\n" .. short .. "%.([%w_]+) = nil") do types[name] = "userdata" end
  for name in text:gmatch("\n" .. short .. "%.([%w_]+) = %d") do types[name] = "number" end
  for name in text:gmatch("\n" .. short .. "%.([%w_]+) = \"") do types[name] = "string" end
  return module, types
end

local stubs = {}
for _, file in ipairs(server.list "scripts/meta") do
  local module, types = read_stub(file)
  if module:find "^core%." then stubs[module] = types end
end

for _, module in ipairs(registered) do
  local types, values = stubs[module], require(module)
  stubs[module] = nil
  if not types then report("%s has no stub", module) end
  for name, kind in pairs(types or {}) do
    local real = type(values[name])
    if real ~= kind then
      report("%s.%s: %s in the stub, %s in the binary", module, name, kind, real)
    end
  end
  -- core.config also holds the settings of config.lua, which have no stubs.
  for name in pairs(types and module ~= "core.config" and values or {}) do
    if not types[name] then report("%s.%s is missing in the stub", module, name) end
  end
end
for module in pairs(stubs) do report("%s has a stub and is not registered", module) end
if #problems > 0 then error("stubs: " .. table.concat(problems, "; "), 0) end
LUA
} >"$root/scripts/init.lua"

"$deployer" --root "$root" --check >/dev/null
echo "stubs: they match the binary"
