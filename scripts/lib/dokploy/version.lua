--- Dokploy's versions: reading and comparing them. Pure.
local version = {
  tried = { "0.26.5", "0.30.2" }, -- those with recordings in tests/contract, oldest first
}

--- The three numbers of "v0.30.2"; nil when it is no version.
---@param text string|nil
---@return integer[]|nil
function version.read(text)
  local a, b, c = tostring(text):match "^v?(%d+)%.(%d+)%.(%d+)"
  return a and { tonumber(a), tonumber(b), tonumber(c) }
end

--- Whether `a` is older than `b`.
---@param a integer[]
---@param b integer[]
---@return boolean
function version.is_older(a, b)
  for i = 1, 3 do
    if a[i] ~= b[i] then return a[i] < b[i] end
  end
  return false
end

return version
