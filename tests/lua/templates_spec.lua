local portal = require "support.portal"

local texts = { en = "Large", nl = "Groot", ar = "كبير" }

describe("templates", function()
  -- lib.policy.templates with these lists, the shipped one and the installation's.
  local function load(shipped, own)
    portal.start { modules = {
      ["policy.templates"] = shipped or { { id = "default" } },
      ["lib.base.site"] = { part = function() return own end },
    } }
    require("core.config").stack = {
      image = "ghcr.io/example/stack:1", memory_bytes = 2 << 30, cpu_nanos = 2000000000,
    }
    return require "lib.policy.templates"
  end

  local function refuses(text, template)
    local ok, message = pcall(load, nil, { template })
    assert.is_false(ok)
    assert.truthy(tostring(message):find(text, 1, true), message)
  end

  it("have the configuration's values where they have none of their own", function()
    local found = load({ { id = "default" }, { id = "large", memory = "8 GiB", cpus = 0.5 } })
    assert.same({ 2 << 30, 2000000000, "ghcr.io/example/stack:1" },
      { found.find().memory_bytes, found.find().cpu_nanos, found.find().image })
    assert.same({ 8 << 30, 500000000 },
      { found.find("large").memory_bytes, found.find("large").cpu_nanos })
    assert.is_nil(found.find "other")
  end)

  it("of an installation replace those of the same id and follow the others", function()
    local found = load({ { id = "default" }, { id = "small" } },
      { { id = "large" }, { id = "default", memory = "4 GiB" } })
    assert.same({ "default", "small", "large" }, found.ids())
    assert.equal(4 << 30, found.find().memory_bytes)
  end)

  it("may be hidden, but not all of them", function()
    local found = load(nil, { { id = "default", hidden = true }, { id = "large" } })
    assert.same({ "large" }, found.ids())
    assert.equal("large", found.find().id)
    assert.equal("default", found.find("default").id)
    refuses("every template is hidden", { id = "default", hidden = true })
  end)

  it("are still read as version 0.1 wrote them", function()
    local found = load(nil, { { id = "old", memory_bytes = 4 << 30, cpu_nanos = 1500000000 } })
    assert.same({ 4 << 30, 1500000000 },
      { found.find("old").memory_bytes, found.find("old").cpu_nanos })
    refuses("is the old name of memory (remove it)",
      { id = "old", memory_bytes = 4 << 30, memory = "4 GiB" })
  end)

  it("are refused with file, key and cure", function()
    local start = "site/policy/templates.lua: [1]."
    refuses(start .. 'memory: invalid value "8 GiBB" (write a size of 1 GiB or more, such as',
      { id = "large", memory = "8 GiBB" })
    refuses(start .. 'memory: invalid value "-1"', { id = "large", memory = -1 })
    refuses(start .. 'cpus: invalid value "-1" (write a number from 0.1', { id = "l", cpus = -1 })
    refuses(start .. "memroy: unknown key (known here: about, cpu_nanos, cpus, env", { id = "l",
      memroy = "8 GiB" })
    refuses(start .. "id: is missing", {})
    refuses(start .. "env.OPENCODE_SERVER_PASSWORD: the portal sets it",
      { id = "l", env = { OPENCODE_SERVER_PASSWORD = "x" } })
    refuses(start .. "env.MY-NAME: MY-NAME cannot be", { id = "l", env = { ["MY-NAME"] = "x" } })
    local _, all = pcall(load, nil, { { id = "large", cpus = -1, imgae = "x" }, { memory = 1 } })
    assert.same({ "[1].imgae", "[1].cpus", "[2].id", "[2].memory" }, (function(paths)
      for path in all:gmatch "site/policy/templates%.lua: ([%w%[%].]+): " do
        paths[#paths + 1] = path
      end
      return paths
    end) {})
    local many = {}
    for i = 1, 50 do many[i] = { id = "large", cpus = -i } end
    _, all = pcall(load, nil, many)
    assert.matches("[1].cpus", all, 1, true)
    assert.matches("\nsite/policy/templates.lua: mistakes beyond these: %d+$", all)
    assert.is_true(#all < 1024)
    local ok, message = pcall(load, nil, { { id = "large" }, { id = "large" } })
    assert.is_false(ok)
    assert.truthy(message:find('[2].id: "large" is there twice', 1, true), message)
  end)

  it("need a text in every language", function()
    local function define(title)
      local found = load(nil, { { id = "large", title = title } })
      return pcall(require("lib.pages.home").define_texts, found.all(), found.place_of)
    end
    assert.is_true(define(texts))
    assert.equal("Groot", require("lib.pages.i18n").text("nl", "template.large.title"))
    local _, message = define { en = "Large", nl = "Groot" }
    assert.equal("site/policy/templates.lua: [1].title: has no text in the language ar "
      .. '(write ar = "...")', message)
    _, message = define { en = "Large", nl = "Groot", ar = "كبير", de = "Gross" }
    assert.truthy(message:find('there is no language "de" (languages: ', 1, true), message)
  end)
end)

describe("parameters", function()
  local templates
  local function load(list)
    portal.start { modules = { ["lib.base.site"] = { part = function()
      return { { id = "default", parameters = list } }
    end } } }
    require("core.config").stack = { image = "x/stack:1", memory_bytes = 2 << 30 }
    templates = require "lib.policy.templates"
    return templates.find()
  end

  local function refuses(text, ...)
    local ok, message = pcall(load, { ... })
    assert.is_false(ok)
    assert.truthy(tostring(message):find(text, 1, true), message)
  end

  it("are refused with file, key and cure", function()
    local start = "site/policy/templates.lua: [1].parameters[1]."
    refuses(start .. "id: is missing", { kind = "text" })
    refuses(start .. 'kind: invalid value "txt" (write "text" or "secret"',
      { id = "a", kind = "txt" })
    refuses(start .. "choices: is missing", { id = "a", kind = "choice" })
    refuses(start .. "choices: a text has none (it is for: choice)",
      { id = "a", choices = { "x" } })
    refuses(start .. 'pattern: "[x" is not a Lua pattern', { id = "a", pattern = "[x" })
    refuses(start .. "min: a text has none (it is for: number)", { id = "a", min = 1 })
    refuses(start .. "variable: is missing (a secret goes into", { id = "key", kind = "secret" })
    refuses(start .. "default: a secret has none", { id = "key", kind = "secret", variable = "K",
      default = "x" })
    refuses(start .. 'default: the parameter does not accept "9"',
      { id = "n", kind = "number", max = 5, default = 9 })
    refuses(start .. 'example: the parameter does not accept "x"',
      { id = "a", pattern = "^%d", example = "x" })
    refuses(start .. "example: a number has none", { id = "n", kind = "number", example = "1" })
    refuses("parameters[2].id: \"a\" is there twice", { id = "a" }, { id = "a" })
    refuses("parameters[2].variable: \"V\" is there twice", { id = "a", variable = "V" },
      { id = "b", variable = "V" })
  end)

  local function read(list, given)
    local template = load(list)
    local refusal = require "lib.base.refusal"
    return refusal.catch(require("lib.http.template_parameters").read, template, given)
  end

  it("are kept, given to the container, or both; secrets only to the container", function()
    local _, found = read({
      { id = "repository", pattern = "^https://", variable = "GIT_URL" },
      { id = "size", kind = "choice", choices = { "small", "large" }, default = "small" },
      { id = "seats", kind = "number", min = 1, max = 9, variable = "SEATS" },
      { id = "shared", kind = "flag", default = false, variable = "SHARED" },
      { id = "model_key", kind = "secret", variable = "MODEL_KEY" },
      { id = "cost_centre" },
    }, { repository = " https://git.example/x ", seats = 3.0, model_key = "s3cret" })
    assert.same({ repository = "https://git.example/x", size = "small", seats = 3, shared = false },
      found.values)
    assert.same({ GIT_URL = "https://git.example/x", SEATS = "3", SHARED = "false" }, found.env)
    assert.same({ MODEL_KEY = "s3cret" }, found.secrets)
  end)

  it("are refused by their field", function()
    local list = {
      { id = "url", pattern = "^https://", required = true },
      { id = "size", kind = "choice", choices = { "small", "large" } },
      { id = "seats", kind = "number", min = 1, max = 9 },
    }
    local function refused(given)
      local is_good, why = read(list, given)
      assert.is_false(is_good)
      return why.code .. " " .. why.options.field
    end
    assert.equal("field_missing parameters.url", refused {})
    assert.equal("value_invalid parameters.url", refused { url = "git://x" })
    assert.equal("value_invalid parameters.url", refused { url = "https://x\ny" })
    assert.equal("value_invalid parameters.url", refused { url = {} })
    local url = "https://x"
    assert.equal("value_invalid parameters.size", refused { url = url, size = "huge" })
    assert.equal("value_invalid parameters.seats", refused { url = url, seats = 10 })
    assert.equal("value_invalid parameters.seats", refused { url = url, seats = "three" })
    assert.equal("field_unknown parameters.other", refused { url = url, other = "x" })
  end)

  it("are refused in words of theirs, not with their ids and patterns", function()
    local title = { en = "Cost centre", nl = "Kostenplaats", ar = "مركز التكلفة" }
    local help = { en = "See the intranet.", nl = "Zie het intranet.", ar = "راجع الشبكة." }
    local function detail(parameter, given)
      local template = load { parameter }
      require("lib.pages.home").define_texts({ template }, templates.place_of)
      local _, why = require("lib.base.refusal").catch(
        require("lib.http.template_parameters").read, template, given)
      return why.options.texts
    end
    local asked = { id = "cost_centre", required = true, pattern = "^%u%u%d%d%d%d$", title = title,
      help = help }
    assert.equal("“Cost centre” does not have the expected form. See the intranet.",
      detail(asked, { cost_centre = "x" }).en)
    asked.example = "AB1234"
    local texts_of = detail(asked, { cost_centre = "x" })
    assert.equal("“Cost centre” must be a value such as AB1234. See the intranet.", texts_of.en)
    assert.equal("“Kostenplaats” moet een waarde zijn zoals AB1234. Zie het intranet.", texts_of.nl)
    assert.equal("Het veld “Kostenplaats” is verplicht. Zie het intranet.", detail(asked, {}).nl)
    assert.equal("“Cost centre” must be one of: a, b.", detail({ id = "cost_centre", title = title,
      kind = "choice", choices = { "a", "b" } }, { cost_centre = "x" }).en)
  end)
end)
