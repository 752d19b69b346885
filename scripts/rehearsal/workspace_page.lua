--- The HTML page of a rehearsed workspace, in the visitor's language.
local weighted = require("core.text").weighted

local page = {
  --- Content-Security-Policy: the page brings its own style and nothing else.
  policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    .. " frame-ancestors 'none'",
  --- A page of some other server, with status 200.
  foreign = "<!doctype html><title>Welcome</title><h1>It works!</h1>",
}

local texts = {
  en = {
    DIR = "ltr", BADGE = "Rehearsal", TITLE = "This is where the workspace %s would open",
    BODY = "Nothing real was deployed: this page comes from the rehearsal, a stand-in for Dokploy"
      .. " that runs on this machine. The address, the password and the health checks are real, so"
      .. " everything up to this page works as on a real server.",
    IMAGE_LABEL = "Image", VOLUME_LABEL = "Files",
  },
  nl = {
    DIR = "ltr", BADGE = "Generale repetitie", TITLE = "Hier zou werkruimte %s opengaan",
    BODY = "Er is niets echt uitgerold: deze pagina komt van de generale repetitie, een vervanger"
      .. " van Dokploy die op deze machine draait. Het adres, het wachtwoord en de controles zijn"
      .. " wel echt, dus alles tot aan deze pagina werkt zoals op een echte server.",
    IMAGE_LABEL = "Image", VOLUME_LABEL = "Bestanden",
  },
  ar = {
    DIR = "rtl", BADGE = "تجربة", TITLE = "هنا كانت ستُفتح مساحة العمل %s",
    BODY = "لم يُنشَر شيء حقيقي: هذه الصفحة من خادم التجربة الذي يحلّ محلّ Dokploy"
      .. " على هذا الجهاز. العنوان وكلمة المرور وفحوص السلامة حقيقية،"
      .. " فكل ما يسبق هذه الصفحة يعمل كما سيعمل على خادم حقيقي.",
    IMAGE_LABEL = "الصورة", VOLUME_LABEL = "الملفات",
  },
}

local template = [[
<!doctype html>
<html lang="LANG" dir="DIR">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>NAME · BADGE</title>
<style>
  :root { color-scheme: light dark;
    --ink: light-dark(#1b1f24, #eceae6); --soft: light-dark(#59636e, #a5a29b);
    --paper: light-dark(#f6f5f2, #16181b); --card: light-dark(#fff, #1f2226);
    --line: light-dark(#dcd8d0, #34383e); --badge: light-dark(#b45309, #f0a44b); }
  html { background: var(--paper); }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; color: var(--ink);
    font: 1.0625rem/1.6 system-ui, sans-serif; }
  main { box-sizing: border-box; max-width: 40rem; margin: 1.5rem; padding: 2rem;
    background: var(--card); border: 1px solid var(--line); border-radius: .75rem; }
  p { margin: .75rem 0; }
  h1 { margin: .5rem 0; font-size: 1.5rem; line-height: 1.3; }
  .badge { display: inline-block; margin: 0; padding: .1rem .6rem; color: var(--badge);
    border: 1px solid; border-radius: 1rem; font-size: .875rem; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1.5rem 0 0;
    font-size: .9375rem; color: var(--soft); }
  dd { margin: 0; overflow-wrap: anywhere; }
  code, h1 bdi { font-family: ui-monospace, monospace; }
</style>
<main>
  <p class="badge">BADGE</p>
  <h1>TITLE</h1>
  <p>BODY</p>
  <dl>
    <dt>IMAGE_LABEL</dt><dd><bdi dir="ltr"><code>IMAGE</code></bdi></dd>
    <dt>VOLUME_LABEL</dt><dd><bdi dir="ltr"><code>VOLUME</code></bdi></dd>
  </dl>
</main>
</html>
]]

local entities = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

local function escape(text)
  return (text:gsub("[&<>\"']", entities))
end

local function language_of(req)
  local found, best = "en", 0
  for _, item in ipairs(weighted(req.headers["accept-language"] or "")) do
    local language = item.name:match("^%a*")
    if texts[language] and item.weight > best then found, best = language, item.weight end
  end
  return found
end

--- The page of the workspace `name` that runs `spec`.
---@param name string
---@param spec table  see rehearsal.swarm
---@param req table
---@return string html
function page.html(name, spec, req)
  local volume = spec.volumes[1]
  local values = {
    LANG = language_of(req), NAME = escape(name), IMAGE = escape(spec.image),
    VOLUME = volume and escape(("%s → %s"):format(volume.name, volume.path)) or "–",
  }
  for key, text in pairs(texts[values.LANG]) do values[key] = text end
  values.TITLE = values.TITLE:format('<bdi dir="ltr">' .. values.NAME .. "</bdi>")
  return (template:gsub("%u[%u_]+", values))
end

return page
