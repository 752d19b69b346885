-- core.store.
local store = require "core.store"
local json = require "core.json"
local task = require "core.task"

local cases, parts = {}, {}

local table_t = "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, n)"

function cases.values()
  store.migrate { table_t }
  local results = assert(store.run { {
    "SELECT ? AS i, ? AS r, ? AS s, ? AS yes, ? AS no, ? AS missing, ? AS hole, ? AS last",
    7, 1.5, "a\0b", true, false, store.null, nil, "x",
  } })
  local row = results[1][1]
  assert(#results == 1 and #results[1] == 1 and results[1].changes == 0)
  assert(math.type(row.i) == "integer" and row.i == 7)
  assert(math.type(row.r) == "float" and row.r == 1.5)
  assert(row.s == "a\0b" and row.yes == 1 and row.no == 0 and row.last == "x")
  assert(row.missing == nil and row.hole == nil)
  assert(store.null == json.null)
  results = assert(store.run {
    { "INSERT INTO t(name, n) VALUES(?, ?)", "a" },
    { "INSERT INTO t(name) VALUES(?)", "b" },
    { "UPDATE t SET n = 1" },
    { "SELECT name FROM t ORDER BY name" },
  })
  assert(results[1].changes == 1 and results[3].changes == 2)
  assert(#results[4] == 2 and results[4][2].name == "b")
  assert(#assert(store.run {}) == 0)
  results = assert(store.run { { "SELECT 1 WHERE ?", false, gate = true }, { "SELECT 2 AS two" } })
  assert(#results == 2 and #results[2] == 0)
  results = assert(store.run { { "SELECT 1 WHERE ?", false, gate = false }, { "SELECT 2 AS two" } })
  assert(results[2][1].two == 2)
end

function cases.failures()
  store.migrate { table_t }
  assert(store.run { { "INSERT INTO t(name) VALUES(?)", "a" } })
  local results, why, code =
    store.run { { "INSERT INTO t(name) VALUES(?)", "b" }, { "INSERT INTO t(name) VALUES(?)", "a" } }
  assert(results == nil and code == "conflict" and why:find "UNIQUE", why)
  assert(#store.run { { "SELECT * FROM t" } }[1] == 1)
  results, why, code = store.run { { "SELEC" } }
  assert(results == nil and why and code == "invalid")
  results, why, code = store.run { { "SELECT ?", 1, 2 } }
  assert(results == nil and why and code == "invalid")
end

function cases.misuse()
  local function raises(message, argument)
    local ok, why = pcall(store.run, argument)
    assert(not ok and why:find(message), tostring(why))
  end
  raises("table", "SELECT 1")
  raises("statement 1", { "SELECT 1" })
  raises("statement 2 has no SQL", { { "SELECT 1" }, { 5 } })
  raises("statement 1, argument 2: a table", { { "SELECT ?, ?", 1, {} } })
  raises("no argument: name", { { "SELECT ?", name = 1 } })
  raises("no argument: gate", { { "SELECT 1", gate = 1 } })
  raises("function", { { "SELECT ?", print } })
end

function cases.migrations()
  local function refuses(message, list)
    local ok, why = pcall(store.migrate, list)
    assert(not ok and why:find(message), tostring(why))
  end
  refuses("migration 1", { "CREATE TABL x" })
  refuses("migration 2 is a", { "CREATE TABLE x(a)", {} })
  store.migrate { table_t }
  store.migrate { table_t }
  assert(store.run { { "SELECT 1" } })
  refuses("start", { "x", "CREATE TABLE more(a)" })
end

function parts.is_killed_while_it_waits()
  store.migrate { table_t }
  store.run { { "INSERT INTO t(name) VALUES(?)", "of a killed task" } }
  error "not reached"
end

function parts.parallel_after_a_kill()
  local functions = {}
  for i = 1, 50 do
    functions[i] = function()
      return assert(store.run { { "INSERT INTO t(n) VALUES(?)", i } })[1].changes
    end
  end
  for _, result in ipairs(task.all(functions)) do assert(result[1] == 1, result[2]) end
  local row = store.run { { "SELECT count(*) AS n, count(name) AS named FROM t" } }[1][1]
  assert(row.n == 51 and row.named == 1)
end

function parts.one_statement() store.run { { "SELECT 1" } } end

return cases, parts
