---@meta core.site
--- The installation's own files, as this version of the scripts has them, and their folder on the
--- disk (SITE_DIR). Files are { ["policy/names.lua"] = "text", ... }: at most 200, 1 MiB together.
local site = {}

---@type string  of the content; equal content has an equal hash
site.hash = ""
---@type string  SITE_DIR
site.folder = ""
---@type string  the hash of the files whose function did not return, which ended the process before
--- this one; "" otherwise
site.stuck = ""

--- This version's files.
---   for path in pairs(site.files()) do log.info(path) end
---@return table<string, string>
function site.files() end

--- One of them.
---   local logo = site.read "www/logo.svg"
---@param path string
---@return string|nil
function site.read(path) end

--- The sorted names of the files in a folder, "" for the top.
---   for _, file in ipairs(site.list "hooks") do log.info(file) end
---@param folder string
---@return string[]
function site.list(folder) end

--- The hash that these files would have.
---   local hash = site.hash_of { ["policy/names.lua"] = "return {}" }
---@param files table<string, string>
---@return string|nil hash, string? message, string? code  invalid: a bad path, too many, too large
function site.hash_of(files) end

--- The files in a folder on the disk; none when there is no such folder. Blocks on the disk.
---   local files = site.read_folder "/tmp/site"
---@param folder string|nil  SITE_DIR when left out
---@return table<string, string>|nil files, string? message, string? code  invalid
function site.read_folder(folder) end

--- Makes a folder hold these files and no others. Blocks on the disk. It may be interrupted half
--- way, and repeated.
---   site.write_folder(files, "/tmp/site")
---@param files table<string, string>
---@param folder string|nil  SITE_DIR when left out
---@return boolean|nil done, string? message, string? code  invalid
function site.write_folder(files, folder) end

--- Loads all scripts with these files and puts them into force; what runs goes on with what it
--- began with. Waits. Check the files first.
---   local done, why = site.activate(files, 12)
---@param files table<string, string>
---@param number integer  of the version
---@return true|nil done
---@return { file: string, line: integer, message: string }? why  nothing has changed
---@return string? code  refused
function site.activate(files, number) end

--- Notes that an edit was refused, for /health, and logs it.
---   site.reject { file = "site/policy/names.lua", line = 3, message = "..." }
---@param why { file?: string, line?: integer, message: string }
function site.reject(why) end

return site
