-- Each workspace has the file WELCOME.md.
local PATH = "/workspace/WELCOME.md"
local TEXT = "# Welcome\n\nThe course begins at https://example.com/course.\n"

local function find(ctx)
  local query = { applicationId = ctx.ids.application }
  local application, message, code = ctx.dokploy:query("application.one", query)
  if not application then return nil, message, code end
  for _, mount in ipairs(application.mounts) do
    if mount.mountPath == PATH then return { id = mount.mountId } end
  end
  return false
end

return {
  after = "settings", kind = "mount", -- it goes with the application, so it needs no undo
  title = { en = "Welcome file", nl = "Welkomstbestand", ar = "ملف الترحيب" },
  make = function(ctx)
    local made, message, code, info = ctx.dokploy:call("mounts.create", {
      type = "file", filePath = "WELCOME.md", content = TEXT, mountPath = PATH,
      serviceId = ctx.ids.application, serviceType = "application",
    })
    if not made then return nil, message, code, info end
    return find(ctx) -- an older Dokploy answers without the id
  end,
  find = find,
}
