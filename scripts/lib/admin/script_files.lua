--- The places of the installation's own files: an example to start from for each, and the shipped
--- files beside them.
local server = require "core.server"
local script_files = {}

local NAMES = [[
-- Names that nobody gets, beside those that ship with the product.
return {
  prefixes = { "project-" }, -- names that begin with it
  words = {},
  examples = { { "name_reserved", "project-x" }, { "yes", "my-project" } },
}
]]
local ACCESS = [[
-- Rules among those that ship with the product. The first one with an answer decides.
local refusal = {
  code = "weekend",
  text = {
    en = "Come back on Monday.", nl = "Kom maandag terug.", ar = "عد يوم الاثنين.",
  },
}

return {
  rules = {
    { name = "example", before = "mode",
      decide = function(who, action, what)
        if action ~= "deploy" or who.kind ~= "token" then return nil end -- the next rule decides
        if what.now.weekday > 5 then return false, refusal end
      end },
  },
  examples = { { "yes", { kind = "admin" }, "deploy", { now = { weekday = 6 } } } },
}
]]
local LIMITS = [[
-- Over those that ship with the product, key by key.
return {
  quotas = { owner = 3 },
}
]]
local TEMPLATES = [[
-- What people can choose beside the default.
return {
  { id = "large", memory = "8 GiB", cpus = 4,
    title = { en = "Large", nl = "Groot", ar = "كبيرة" } },
}
]]
local SCHEDULE = [[
-- Minute, hour, day, month, weekday.
return {
  { name = "weekly note", cron = "0 8 * * 1", zone = "UTC",
    run = function(portal)
      portal.log("weekly_note", { workspaces = #portal.workspaces {} })
    end },
}
]]
local CONFIG = [[
-- Keys of config.lua with other values.
return {
  site = { greeting = "Hello" }, -- settings of your own
}
]]
local STEP = [[
-- A step of every deployment.
return {
  after = "settings",
  title = { en = "Own step", nl = "Eigen stap", ar = "خطوة خاصة" },
  run = function(ctx)
    ctx:log { "Deploying " .. ctx.name }
    return true
  end,
}
]]
local HOOK = [[
-- Runs when a workspace is ready.
return {
  on = { "ready" },
  run = function(event, portal)
    portal.log("own_hook", { name = event.workspace.name })
  end,
}
]]
local ROUTE = [[
-- GET /api/hello
return {
  { "GET", "/api/hello", function() return { json = { text = "Hello" } } end,
    summary = "A greeting" },
}
]]
local TEXTS = [[
{
  "own.notice": "Welcome!"
}
]]
local TEST = [[
-- Run before each change comes into force.
return {
  ["numbers add up"] = function() assert(1 + 1 == 2) end,
}
]]
local SHARED = [[
-- For your other files: require "site.lib.NAME"
return {}
]]
local THEME = [[
/* Colours, in light and in dark. */
:root { --accent: #7a1fa2; --accent-more: #5c1580; --tint: #f5e9fa; }
@media (prefers-color-scheme: dark) {
  :root { --accent: #dcb0f0; --on-accent: #2c0a3c; --accent-more: #ecd3f8; --tint: #2b1d33; }
}
]]
local LOGO = [[
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <circle cx="16" cy="16" r="14" fill="#7a1fa2"/>
</svg>
]]

---@class ScriptPlace
---@field key string      of its text: "admin.scripts.place.KEY"
---@field path string     of the first file there
---@field pattern string  of the paths of such files
---@field example string

local function place(key, path, example, pattern)
  pattern = pattern or "^" .. path:gsub("%.", "%%.") .. "$"
  return { key = key, path = path, example = example, pattern = pattern }
end

--- Every place, in the order of the list.
---@type ScriptPlace[]
script_files.places = {
  place("names", "policy/names.lua", NAMES), place("access", "policy/access.lua", ACCESS),
  place("limits", "policy/limits.lua", LIMITS),
  place("templates", "policy/templates.lua", TEMPLATES),
  place("schedule", "policy/schedule.lua", SCHEDULE),
  place("steps", "steps/own_step.lua", STEP, "^steps/.*%.lua$"),
  place("hooks", "hooks/own_hook.lua", HOOK, "^hooks/.*%.lua$"),
  place("routes", "routes/hello.lua", ROUTE, "^routes/.*%.lua$"),
  place("texts", "locales/en.json", TEXTS, "^locales/.*%.json$"),
  place("theme", "www/theme.css", THEME), place("logo", "www/logo.svg", LOGO),
  place("config", "config.lua", CONFIG),
  place("tests", "tests/own.lua", TEST, "^tests/.*%.lua$"),
  place("lib", "lib/own.lua", SHARED, "^lib/.*%.lua$"),
}

--- The place of a file; nil when there is no such place.
---@param path string
---@return ScriptPlace|nil
function script_files.place_of(path)
  for _, each in ipairs(script_files.places) do
    if path:find(each.pattern) then return each end
  end
end

-- Shipped files, by the path that an own one would have.
local shipped = {}
for _, folder in ipairs { "policy", "steps" } do
  for _, name in ipairs(server.list("scripts/" .. folder)) do
    local path = folder .. "/" .. name
    shipped[path] = server.read("scripts/" .. path)
  end
end

--- The text of a shipped file; nil when there is none.
---@param path string  "policy/names.lua"
---@return string|nil
function script_files.shipped(path) return shipped[path] end

--- The paths of the shipped files, sorted.
---@return string[]
function script_files.shipped_paths()
  local paths = {}
  for path in pairs(shipped) do paths[#paths + 1] = path end
  table.sort(paths)
  return paths
end

return script_files
