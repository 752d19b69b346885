--- deployer site: changes the installation's own files of a portal from anywhere, over its API.
local config = require "core.config"
local console = require "core.console"
local json = require "core.json"
local folders = require "core.site"
local attempt = require "lib.base.attempt"
local command = require "lib.base.command"
local line_diff = require "lib.base.line_diff"
local outgoing = require "lib.base.outgoing"
local packing = require "lib.base.packing"

local help = [[
deployer site push DIR [--note TEXT] [--expect NUMBER]   puts the files of DIR into force
deployer site pull DIR                                   makes DIR hold the files in force
deployer site check DIR                                  only checks them
deployer site diff DIR                                   how DIR differs from what is in force
deployer site try DIR [--deploy N] [--faults PERCENT]    what they would decide and deploy
deployer site history                                    the versions that are kept
deployer site rollback [NUMBER]                          goes back to a version; to the one before

  --url     the portal; default: DEPLOYER_URL, or this machine
  --note    for the list of versions, such as a commit
  --expect  the version that you changed: when another one is in force by now, nothing changes
  --deploy  deploys this many workspaces on a simulated Dokploy, where --faults of the calls fail;
            other services that your steps call are the real ones
The admin's token is in DEPLOYER_TOKEN or ADMIN_TOKEN, or in the file whose path is in
DEPLOYER_TOKEN_FILE or ADMIN_TOKEN_FILE.
Exit status 0: done; 1: the files have mistakes, differ (diff), or the portal refused.]]

local JSON = "application/json"
local SECONDS, MOST = 120, 8 << 20 -- of a request; bytes of its answer

local print = console.print
local function printf(...) print((...):format(select(2, ...))) end

-- The portal

local function token()
  local found = config.secret "DEPLOYER_TOKEN" or config.secret "ADMIN_TOKEN"
  return attempt.try(found, "set DEPLOYER_TOKEN or DEPLOYER_TOKEN_FILE to a token of an admin")
end

local function own_host()
  local hosts = {}
  for host in pairs(config.hosts or {}) do hosts[#hosts + 1] = host end
  table.sort(hosts)
  return hosts[1]
end

-- The portal's URL, and where to connect instead: the portal on this machine is called by a name
-- that it answers to.
local function portal_of(given)
  local url = given.url or console.env "DEPLOYER_URL"
  if url then return (url:gsub("/+$", "")) end
  local here = "127.0.0.1:" .. config.port
  local name = own_host()
  return "http://" .. (name or here), name and here
end

local function place(problem)
  if problem.file == "" then return problem.message end
  local line = problem.line > 0 and ":" .. problem.line or ""
  return ("%s%s: %s"):format(problem.file, line, problem.message)
end

local function print_problems(problems)
  for _, problem in ipairs(problems) do print(place(problem)) end
end

-- Prints why the portal refused, and ends the command.
local function refused(response, doc)
  if not doc or not doc.detail then
    return attempt.try(nil, ("the portal answered %d"):format(response.status))
  end
  print_problems(doc.problems or {})
  if doc.code == "site_invalid" then
    return attempt.try(nil, "Nothing was changed. Correct what is listed and push again.")
  end
  return attempt.try(nil, ("%s: %s"):format(doc.title, doc.detail))
end

-- The document that the portal answers with.
local function ask(given, method, path, body, expected)
  local url, connect_to = portal_of(given)
  local response = attempt.try(outgoing.request {
    url = url .. "/api/admin/site" .. path, method = method, body = body and json.encode(body),
    connect_to = connect_to, timeout = SECONDS, max_body = MOST, headers = {
      Authorization = "Bearer " .. token(), Accept = JSON,
      ["Accept-Language"] = "en", ["Content-Type"] = body and JSON,
      ["If-Match"] = expected and ('"%s"'):format(expected),
    },
  })
  local doc = json.decode(response.body)
  if response.status ~= 200 then refused(response, doc) end
  return doc
end

-- Files

local function read(folder)
  local files = attempt.try(folders.read_folder(folder))
  return attempt.try(next(files) and files, ("%s holds no files"):format(folder))
end

local function candidate(folder) return { files = packing.pack(read(folder)) } end

local function sorted_paths(...)
  local seen, paths = {}, {}
  for _, files in ipairs { ... } do
    for path in pairs(files) do
      if not seen[path] then paths[#paths + 1] = path end
      seen[path] = true
    end
  end
  table.sort(paths)
  return paths
end

-- Verbs

local verbs = {}

function verbs.push(given, folder)
  local body, current = candidate(folder), ask(given, "GET", "")
  local expected = given.expect or current.number
  if expected ~= current.number then
    printf("version %d is in force, not %d: pull it, and make your change there", current.number,
      expected)
    return 1
  end
  body.note = given.note
  local doc = ask(given, "PUT", "", body, current.hash)
  if doc.number ~= current.number then return printf("version %d is in force", doc.number) end
  printf("nothing changed: these files are in force already, as version %d", doc.number)
  if given.note then print "the note was not kept" end
end

function verbs.pull(given, folder)
  local doc = ask(given, "GET", "")
  local files = attempt.try(packing.unpack(doc.files), "the answer holds a file that is none")
  attempt.try(folders.write_folder(files, folder))
  printf("%s holds version %d; files: %d", folder, doc.number, #sorted_paths(files))
end

function verbs.check(given, folder)
  local doc = ask(given, "POST", "/check", candidate(folder))
  print_problems(doc.problems)
  if #doc.problems > 0 then return 1 end
  print "no mistakes"
end

local function print_difference(path, old, new)
  printf("%s site/%s", not old and "added  " or not new and "removed" or "changed", path)
  if not utf8.len(old or "") or not utf8.len(new or "") then return end
  for _, edit in ipairs(line_diff.of(old or "", new or "")) do
    if edit[1] == "@" then printf("  @ line %d", edit[2]) else print("  " .. edit[1] .. edit[2]) end
  end
end

function verbs.diff(given, folder)
  local new = read(folder)
  local old, count = packing.unpack(ask(given, "GET", "").files), 0
  for _, path in ipairs(sorted_paths(old, new)) do
    if old[path] ~= new[path] then
      print_difference(path, old[path], new[path])
      count = count + 1
    end
  end
  if count > 0 then return 1 end
  print "no difference"
end

local function print_replay(replay)
  printf("of %d decisions %d change", replay.decisions, replay.changed)
  for _, change in ipairs(replay.changes) do
    printf("  %s %s %s%s: %s (%s) -> %s (%s)", change.at, change.who.kind, change.action,
      change.name and " " .. change.name or "", change.before.result, change.before.rule,
      change.after.result, change.after.rule)
  end
  for _, name in ipairs(replay.names) do
    printf("  %s exists, and its name would be refused: %s", name.name, name.code)
  end
  for _, template in ipairs(replay.templates) do
    printf("  template %s is %s; workspaces that use it: %d", template.id, template.change,
      template.workspaces)
  end
  for _, fault in ipairs(replay.faults) do
    printf("  %s: %s (%d times)", fault.where, fault.message, fault.count)
  end
end

local function print_rehearsal(done)
  printf("of %d deployments: %d ready, %d failed and removed, %d with leftovers, %d refused, "
    .. "%d unfinished", done.deployments, done.ready, done.failed, done.leftovers, done.refused,
    done.unfinished)
  printf("  calls and deployments that failed on purpose: %d", done.faults)
  for code, count in pairs(done.reasons) do printf("  %s: %d", code, count) end
  for _, step in ipairs(done.steps) do
    printf("  %-14s %6.2f s on average, %.2f s at most", step.step, step.seconds, step.longest)
  end
end

function verbs.try(given, folder)
  local body = candidate(folder)
  body.deploy, body.faults = math.tointeger(given.deploy), math.tointeger(given.faults)
  local doc = ask(given, "POST", "/try", body)
  print_problems(doc.problems)
  if #doc.problems > 0 then return 1 end
  print_replay(doc.replay)
  if doc.rehearsal then print_rehearsal(doc.rehearsal) end
end

function verbs.history(given)
  local doc = ask(given, "GET", "/versions")
  if #doc.versions == 0 then return print "no versions yet: the portal works as shipped" end
  for _, version in ipairs(doc.versions) do
    printf("%s %4d  %s  %-8s  %-7s  %-12s  %s", version.number == doc.inForce and "*" or " ",
      version.number, version.at:sub(1, 16):gsub("T", " "), version.source, version.state,
      version.author or "", version.note or "")
  end
end

-- The version whose files are in force: the one that a rollback went back to, so that the next one
-- goes further back.
local function origin(doc)
  local current
  for _, version in ipairs(doc.versions) do
    if version.number == doc.inForce then current = version end
    local is_it = current and version.hash == current.hash and version.source ~= "rollback"
    if is_it then return version end
  end
  return current or attempt.try(nil, "there is no version in force")
end

-- The newest good version before it, with other files.
local function previous(given)
  local doc = ask(given, "GET", "/versions")
  local from = origin(doc)
  for _, version in ipairs(doc.versions) do
    local is_good = version.state == "good" and version.number < from.number
    if is_good and version.hash ~= from.hash then return version.number end
  end
  return attempt.try(nil, "there is no version before the one in force")
end

function verbs.rollback(given, number)
  number = number or previous(given)
  local doc = ask(given, "POST", ("/versions/%s/activate"):format(number))
  printf("version %d is in force, with the files of version %s", doc.number, number)
end

-- The command

local needs_folder = { push = true, pull = true, check = true, diff = true, try = true }

local function run_verb(verb, argument)
  return function(given)
    local function act() return verbs[verb](given, argument) or 0 end
    local status, message = attempt.catch(act)
    if status then return status end
    print(message)
    return 1
  end
end

return {
  run = function(arguments)
    local verb, argument = arguments[1], arguments[2]
    local first = 2
    if argument and not argument:find "^%-%-" then first = 3 else argument = nil end
    local is_known = verbs[verb] and (argument or not needs_folder[verb])
    return command.define({
      help = help,
      options = {
        url = "text", note = "text", expect = "number", deploy = "number", faults = "number",
      },
      run = is_known and run_verb(verb, argument) or function()
        print(help)
        return 2
      end,
    }).run(table.move(arguments, verb == "--help" and 1 or first, #arguments, 1, {}))
  end,
}
