--- Dokploy's error answers. A procedure raises one with errors.raise(); rehearsal.api turns it into the body that the played version sends.
local json = require "core.json"
local version = require "rehearsal.version"

local errors = {}

local status_of = {
  BAD_REQUEST = 400, UNAUTHORIZED = 401, FORBIDDEN = 403, NOT_FOUND = 404, UNSUPPORTED_MEDIA_TYPE = 415, INTERNAL_SERVER_ERROR = 500,
}

--- Ends the procedure with this error. `issues`: what the validation found.
function errors.raise(code, message, issues)
  error({ code = code, message = message, issues = issues }, 0)
end

function errors.not_found(what)
  errors.raise("NOT_FOUND", what .. " not found")
end

function errors.bad(message)
  errors.raise("BAD_REQUEST", message)
end

--- The message of an insert that PostgreSQL refused, as the newer version sends it: the statement, with a number for each given value.
---@param columns string  the table's columns, with blanks between
---@param row table<string, any>  the given values
function errors.failed_insert(name, columns, row)
  local quoted, values, given = {}, {}, {}
  for column in columns:gmatch "%S+" do
    local value = row[column]
    quoted[#quoted + 1] = '"' .. column .. '"'
    if value ~= nil then given[#given + 1] = tostring(value) end
    values[#values + 1] = value ~= nil and "$" .. #given or "default"
  end
  local list = table.concat(quoted, ", ")
  return ('Failed query: insert into "%s" (%s) values (%s) returning %s\nparams: %s')
    :format(name, list, table.concat(values, ", "), list, table.concat(given, ","))
end

-- The messages by field, as zod's flatten() gives them.
local function by_field(issues)
  local fields = {}
  for _, issue in ipairs(issues) do
    local name = issue.path[1]
    fields[name] = fields[name] or json.array {}
    table.insert(fields[name], issue.message)
  end
  return { formErrors = json.array {}, fieldErrors = fields }
end

--- The reply for an error that errors.raise() made. `path`: the procedure's name; nil when there is none of that name.
function errors.reply(problem, path)
  local body = { message = problem.message, code = problem.code, issues = problem.issues }
  if version.new() then
    body.data = { code = problem.code, httpStatus = status_of[problem.code], path = path, zodError = json.null }
    if problem.issues then body.data.zodError = by_field(problem.issues) end
  end
  return { status = status_of[problem.code], body = json.encode(body), type = "application/json" }
end

--- What every trouble with a key looks like: no code, no hint.
function errors.unauthorized()
  return { status = 401, body = '{"message":"Unauthorized"}', type = "application/json; charset=utf-8" }
end

--- What the HTTP layer below the API says, as plain text.
function errors.plain(status, text)
  return { status = status, body = text, type = "text/plain" }
end

return errors
