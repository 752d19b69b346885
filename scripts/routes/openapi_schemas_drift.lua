--- More shapes for routes/openapi_schemas.lua: what the journal and Dokploy do not agree on. Gets the words that that file has for schemas.
return function(words)
  local object, described, list_of, one_of = words.object, words.described, words.list_of, words.one_of
  local text, time, count, flag = { type = "string" }, { type = "string", format = "date-time" }, { type = "integer" }, { type = "boolean" }
  local json = words.json
  local function nullable(schema) return { anyOf = json.array { schema, { type = "null" } } } end
  local function ref(name) return { ["$ref"] = "#/components/schemas/" .. name } end

  local looked = object({
    at = described(nullable(time), "When Dokploy was last looked through to the end"), running = described(flag, "It is done just now"),
    trouble = described(object({ code = text, detail = text }, "code", "detail"), "Why the last look came to nothing"),
  }, "at", "running")

  return {
    Looked = object({ looked = looked }, "looked"),
    Finding = object({
      id = count, kind = one_of("vanished", "unknown", "in_error"), name = described(text, "The stack's"), ownerId = text,
      deploymentId = described(text, "The deploy that made it"), projectId = described(text, "In Dokploy"), applicationId = text,
      image = text, volume = described(text, "What holds its files"), host = text, createdAt = described(time, "When Dokploy got it"),
      detail = described(text, "What it is"), advice = described(text, "What may be done; while it is open"),
      since = described(time, "When it was found"), resolvedAt = time, resolution = one_of("gone", "adopted", "repaired", "removed"),
      actions = list_of(one_of("adopt", "repair", "remove")), statusUrl = described(text, "Of the work that was begun on it last"),
    }, "id", "kind", "name", "ownerId", "deploymentId", "detail", "since", "actions"),
    Findings = object({
      findings = list_of(ref "Finding"), next = described(nullable(count), "Send it as ?before= for the next page"),
      open = described(count, "How many are not resolved, in all"),
      looked = looked,
    }, "findings", "next", "open", "looked"),
    AdoptFindings = object { ids = list_of(count), all = flag },
    Adoptions = object({
      adopted = list_of(ref "Finding"),
      refused = list_of(object({ id = count, name = text, code = text, detail = text }, "id", "name", "code", "detail")),
    }, "adopted", "refused"),
  }
end
