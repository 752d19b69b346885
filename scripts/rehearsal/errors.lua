--- Dokploy's error answers. A procedure raises one; rehearsal.api turns it into the body that the
--- imitated version sends.
local database = require "rehearsal.database"
local json = require "core.json"
local version = require "rehearsal.version"

local errors = {}

local status_of = {
  BAD_REQUEST = 400, UNAUTHORIZED = 401, NOT_FOUND = 404, UNSUPPORTED_MEDIA_TYPE = 415,
  INTERNAL_SERVER_ERROR = 500,
}

--- Ends the procedure with this error.
---@param code string   a key of the table above
---@param message string
---@param issues? table  what the validation found
function errors.raise(code, message, issues)
  error({ code = code, message = message, issues = issues }, 0)
end

function errors.bad(message)
  errors.raise("BAD_REQUEST", message)
end

--- The object with this id; raises "Application not found" and the like when there is none.
---@param kind string  "application"
---@param id string|nil
---@return table
function errors.find(kind, id)
  return database.get(kind, id)
    or errors.raise("NOT_FOUND", kind:gsub("^%l", string.upper) .. " not found")
end

--- The message of an insert that PostgreSQL refused, as the newer version sends it. The real one
--- spells out the statement; both repeat the given values.
---@param name string  the table
---@param row table<string, any>  the given values
---@return string
function errors.failed_insert(name, row)
  local given = {}
  for _, value in pairs(row) do given[#given + 1] = tostring(value) end
  return ('Failed query: insert into "%s" (...) values (...)\nparams: %s')
    :format(name, table.concat(given, ","))
end

-- The messages by field, in the form of zod's flatten().
local function by_field(issues)
  local fields = {}
  for _, issue in ipairs(issues) do fields[issue.path[1]] = json.array { issue.message } end
  return { formErrors = json.array {}, fieldErrors = fields }
end

--- The reply for a raised error. `path`: the procedure's name; nil when no such procedure exists.
function errors.reply(problem, path)
  local status = status_of[problem.code]
  local body = { message = problem.message, code = problem.code, issues = problem.issues }
  if version.is_new() then
    local zod_error = problem.issues and by_field(problem.issues) or json.null
    body.data = { code = problem.code, httpStatus = status, path = path, zodError = zod_error }
  end
  return { status = status, body = json.encode(body), type = "application/json" }
end

--- Dokploy answers every problem with a key in this way: no code, no hint.
function errors.unauthorized()
  return {
    status = 401, body = '{"message":"Unauthorized"}', type = "application/json; charset=utf-8",
  }
end

return errors
