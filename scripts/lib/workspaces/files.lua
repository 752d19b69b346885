--- Whether a workspace still has its files. Docker makes an empty volume where the one of before
--- was removed, as "clean unused volumes" does with that of a stopped workspace; the workspace then
--- starts as if nothing had happened. The server in it keeps on the volume when it began, which is
--- compared at each start. (When Docker made a volume does not help: Docker 20.10 gives the time of
--- the last change.)
local log = require "core.log"
local journal = require "lib.journal"
local health = require "lib.workspaces.health"

local files = {}

--- Notes when the files began, unless that is known. Waits.
---@param operation_id string  the deploy that made the workspace
---@param public Target
function files.note(operation_id, public, password)
  if journal.resources.files_since(operation_id) then return end
  local since = health.files_since(public, password)
  if since then journal.resources.note_files_since(operation_id, since) end
end

--- After a start: whether the files of before are gone. True once only: from then on the new ones
--- are its files. Waits.
---@return boolean
function files.are_gone(operation_id, public, password)
  local since = health.files_since(public, password)
  if not since then return false end
  local before = journal.resources.files_since(operation_id)
  if before == since then return false end
  journal.resources.note_files_since(operation_id, since)
  if not before or since < before then return false end
  log.warn("workspace.files_gone", { operation = operation_id, before = before, since = since })
  return true
end

return files
