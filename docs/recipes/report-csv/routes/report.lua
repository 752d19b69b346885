-- GET /api/report.csv: all workspaces, for a spreadsheet. For the admin, with the admin's token.
local function cell(value)
  local text = tostring(value or "")
  if text:find "^[=+@-]" then text = "'" .. text end -- a spreadsheet would calculate it
  return '"' .. text:gsub('"', '""') .. '"'
end

local function report(_, _, _, portal)
  local lines = { '"name","state","owner","template","created"' }
  for _, workspace in ipairs(portal.workspaces()) do
    local owner, created = workspace.owner, math.floor(workspace.created_at)
    lines[#lines + 1] = table.concat({
      cell(workspace.name), cell(workspace.state), cell(owner.email or owner.id),
      cell(workspace.template), cell(os.date("!%Y-%m-%d", created)),
    }, ",")
  end
  return { body = table.concat(lines, "\r\n") .. "\r\n", type = "text/csv; charset=utf-8" }
end

return {
  { "GET", "/api/report.csv", report, summary = "All workspaces as CSV", access = "admin",
    allow = "oversee", answers = { [200] = { "The report", type = "text/csv" } } },
}
