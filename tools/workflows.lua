-- Checks the workflows of the pipelines: they parse, their keys are known, each job has the least
-- permissions, a secret reaches one step and no command line, and both files say the same. Run from
-- the top of the tree: lua5.4 tools/workflows.lua [FILE...]
local lyaml = require "lyaml"

local function set_of(text)
  local set = {}
  for word in text:gmatch "%S+" do set[word] = true end
  return set
end

local known = {
  workflow = set_of "name on permissions jobs",
  job = set_of "if needs runs-on container permissions environment concurrency env steps",
  step = set_of "id if run uses with env",
}
-- What a job may be given, and the condition that it then needs.
local grants = {
  ["contents:read"] = "", ["packages:write"] = "event_name == 'push'",
}

local faults = 0
local function fault(where, text, ...)
  faults = faults + 1
  io.stderr:write(where .. ": " .. text:format(...) .. "\n")
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  return text
end

local function sorted(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

local function check_keys(where, map, kind)
  for _, key in ipairs(sorted(map)) do
    if not known[kind][key] then fault(where, "unknown key %s of a %s", key, kind) end
  end
end

local function names_secret(value)
  if type(value) ~= "table" then return tostring(value):find("secrets%.") ~= nil end
  for _, inner in pairs(value) do
    if names_secret(inner) then return true end
  end
  return false
end

local function check_permissions(where, job)
  if type(job.permissions) ~= "table" then return fault(where, "it asks for no permissions") end
  for name, level in pairs(job.permissions) do
    local condition = grants[name .. ":" .. tostring(level)]
    if not condition then
      fault(where, "no job needs %s: %s", name, level)
    elseif not tostring(job["if"] or ""):find(condition, 1, true) then
      fault(where, "%s: %s needs the condition %s", name, level, condition)
    end
  end
end

local function check_step(where, step)
  check_keys(where, step, "step")
  if (step.run == nil) == (step.uses == nil) then fault(where, "it has not one of run and uses") end
  if step.run and step.run:find("${{", 1, true) then
    fault(where, "an expression in a command: pass it in env")
  end
  if names_secret(step["if"]) or names_secret(step.with) then
    fault(where, "a secret outside of env")
  end
  if step.uses and step.uses:find "^actions/checkout@"
    and not (step.with and step.with["persist-credentials"] == false) then
    fault(where, "the token stays in the clone (persist-credentials: false)")
  end
  if names_secret(step.env) and not step.run:find "^%.ci/pipeline%.sh %l+$" then
    fault(where, "only .ci/pipeline.sh gets secrets, alone on its line")
  end
end

local function check_job(file, name, job, jobs)
  local where = ("%s: job %s"):format(file, name)
  check_keys(where, job, "job")
  check_permissions(where, job)
  if names_secret(job.env) then fault(where, "a secret for the whole job: give it to its step") end
  if job.needs and not jobs[job.needs] then fault(where, "there is no job %s", job.needs) end
  if not job["runs-on"] then fault(where, "runs-on is missing") end
  for i, step in ipairs(job.steps or {}) do check_step(("%s, step %d"):format(where, i), step) end
end

local function check_file(file)
  local ok, workflow = pcall(lyaml.load, read(file))
  if not ok then return fault(file, "%s", workflow) end
  workflow.on = workflow.on or workflow[true] -- YAML 1.1 reads "on" as true
  workflow[true] = nil
  check_keys(file, workflow, "workflow")
  if type(workflow.permissions) ~= "table" or next(workflow.permissions) then
    fault(file, "permissions must be {}: each job asks for its own")
  end
  for _, name in ipairs(sorted(workflow.jobs)) do
    check_job(file, name, workflow.jobs[name], workflow.jobs)
  end
end

local files = #arg > 0 and { table.unpack(arg) }
  or { ".github/workflows/pipeline.yml", ".gitea/workflows/pipeline.yml" }
for _, file in ipairs(files) do check_file(file) end
if #arg == 0 then
  local function plain(file) return (read(file):gsub("gitea", "github"):gsub("GITEA", "GITHUB")) end
  if plain(files[1]) ~= plain(files[2]) then
    fault(files[2], "it differs from %s in more than the names of the host", files[1])
  end
end
if faults > 0 then
  io.stderr:write(("workflows: %d faults\n"):format(faults))
  os.exit(1)
end
print "workflows: both parse, and give each step the least"
