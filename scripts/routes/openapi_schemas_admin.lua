--- More shapes for routes/openapi_schemas.lua: what the admin oversees. Gets the words that that file has for schemas.
return function(words)
  local object, described, list_of, one_of = words.object, words.described, words.list_of, words.one_of
  local text, time, count, flag = { type = "string" }, { type = "string", format = "date-time" }, { type = "integer" }, { type = "boolean" }
  local json = words.json
  local function nullable(kind) return { type = json.array { kind, "null" } } end
  local function ref(name) return { ["$ref"] = "#/components/schemas/" .. name } end
  local kind = one_of("deploy", "delete", "stop", "start", "restart", "redeploy", "rotate")
  local trouble = object({ code = text, detail = text }, "code", "detail")
  local counted = object({ state = text, count = count }, "state", "count")
  local rejected = object({ file = text, line = count, message = text, at = time }, "file", "line", "message")

  return {
    AdminStack = object({
      name = text, state = text, ownerId = text, url = text, image = text, template = text, createdAt = time,
      since = described(time, "Since when it is in this state"), memoryBytes = described(count, "How much it may have"), volume = text,
      lastSeen = described(time, "When it was last seen to answer, since the portal was started"),
      lastUsedAt = described(time, "When somebody last worked in it, as far as it told"), deploymentId = text,
      workId = described(text, "The operation that is going on"), trouble = described(trouble, "What is wrong with it"),
    }, "name", "state", "ownerId", "createdAt", "since", "deploymentId"),
    AdminStacks = object({ stacks = list_of(ref "AdminStack"), next = nullable "string", states = list_of(counted) },
      "stacks", "next", "states"),
    ManyStacks = object({
      action = one_of("stop", "start", "restart", "redeploy", "delete"),
      names = described(text, "With commas or blanks between, at most 200"), data = one_of("keep", "delete"),
    }, "action", "names"),
    ManyResult = object({ name = text, deploymentId = text, statusUrl = text, code = text, detail = text }, "name"),
    ManyResults = object({ results = list_of(ref "ManyResult") }, "results"),
    OperationRow = object({
      deploymentId = text, kind = kind, name = text, ownerId = text, template = text, state = text, step = text,
      code = described(text, "Why it failed"), detail = described(text, "The same, in words"),
      createdAt = time, startedAt = time, endedAt = time, statusUrl = text,
      position = described(count, "In the queue"), etaSeconds = count,
    }, "deploymentId", "kind", "name", "ownerId", "state", "createdAt", "statusUrl"),
    Operations = object({ operations = list_of(ref "OperationRow"), next = nullable "integer" }, "operations", "next"),
    Queue = object({ places = described(count, "How many are deployed at once"), running = list_of(ref "OperationRow"),
      waiting = list_of(ref "OperationRow") }, "places", "running", "waiting"),
    Leftover = object({
      deploymentId = text, name = text, since = time, triedAt = time,
      things = list_of(object({ kind = text, id = text, detail = text }, "kind", "detail")),
    }, "deploymentId", "name", "things"),
    Volume = object({ volume = text, name = text, ownerId = text, reason = one_of("kept", "left"), since = time },
      "volume", "name", "reason"),
    Leftovers = object({ leftovers = list_of(ref "Leftover"), keptData = list_of(ref "Volume") }, "leftovers", "keptData"),
    Tried = object({ deploymentId = text, gone = flag }, "deploymentId", "gone"),
    Summary = object({
      status = one_of("healthy", "degraded"), degraded = list_of(trouble), version = text, release = text, startedAt = time,
      access = object { mode = text, detail = text },
      policy = object({ generation = count, loadedAt = time, rejected = described(rejected, "The last edit, if refused") }, "generation"),
      dokploy = object({
        url = text, rehearsal = flag, reachable = flag, version = text, trouble = text, checkedAt = time,
        breaker = object({ state = one_of("closed", "open", "half_open"), since = time, failures = count, retryAt = time }, "state"),
      }, "breaker"),
      stacks = list_of(counted), running = count, waiting = count, places = count, leftovers = count, findings = count,
      streams = count, connections = count,
      memory = described(count, "Of the scripts, in bytes"),
    }, "status", "degraded", "version", "policy", "dokploy", "stacks", "running", "waiting", "leftovers"),
    LogIn = object({ token = text, next = described(text, "Where to go then: a path below /admin"), username = text }, "token"),
  }
end
