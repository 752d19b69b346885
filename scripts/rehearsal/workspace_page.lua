--- The page that a rehearsal stack shows in the browser, in the visitor's language.
local page = {}

--- The page brings its own style and nothing else.
page.policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

local texts = {
  en = { dir = "ltr", badge = "Rehearsal", title = "This is where the workspace %s would open",
    body = "Nothing real was deployed: this page comes from the rehearsal, a stand-in for Dokploy that runs on this machine. "
      .. "The address, the password and the health checks are real, so everything up to this page works as on a real server.",
    image = "Image", volume = "Files" },
  nl = { dir = "ltr", badge = "Generale repetitie", title = "Hier zou werkplek %s opengaan",
    body = "Er is niets echt uitgerold: deze pagina komt van de generale repetitie, een vervanger van Dokploy die op deze machine draait. "
      .. "Het adres, het wachtwoord en de controles zijn wel echt, dus alles tot aan deze pagina werkt zoals op een echte server.",
    image = "Image", volume = "Bestanden" },
  ar = { dir = "rtl", badge = "تجربة", title = "هنا كانت ستُفتح مساحة العمل %s",
    body = "لم يُنشَر شيء حقيقي: هذه الصفحة من خادم التجربة الذي يحلّ محلّ Dokploy على هذا الجهاز. "
      .. "العنوان وكلمة المرور وفحوص السلامة حقيقية، فكل ما يسبق هذه الصفحة يعمل كما سيعمل على خادم حقيقي.",
    image = "الصورة", volume = "الملفات" },
}

local template = [[
<!doctype html>
<html lang="LANG" dir="DIR">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>NAME · BADGE</title>
<style>
  :root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #f6f5f2; --card: #fff; --line: #dcd8d0; --mark: #b45309; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #eceae6; --soft: #a5a29b; --paper: #16181b; --card: #1f2226; --line: #34383e; --mark: #f0a44b; }
  }
  html { background: var(--paper); }
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; color: var(--ink);
    font: 1.0625rem/1.6 system-ui, sans-serif; }
  main { box-sizing: border-box; max-width: 40rem; margin: 1.5rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
    border-radius: .75rem; }
  p { margin: .75rem 0; }
  h1 { margin: .5rem 0; font-size: 1.5rem; line-height: 1.3; }
  .badge { display: inline-block; padding: .1rem .6rem; border: 1px solid var(--mark); border-radius: 1rem; color: var(--mark);
    font-size: .875rem; margin: 0; }
  dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1.5rem 0 0; font-size: .9375rem; color: var(--soft); }
  dd { margin: 0; overflow-wrap: anywhere; }
  bdi { unicode-bidi: isolate; }
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

local function escape(text)
  return (text:gsub("[&<>\"']", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }))
end

local function language(req)
  for tag in (req.headers["accept-language"] or ""):gmatch "%a+[^,]*" do
    local known = tag:match("^%a+"):lower()
    if texts[known] then return known end
  end
  return "en"
end

local function volume_of(spec)
  local volume = spec.volumes[1]
  return volume and ("%s → %s"):format(volume.name, volume.path) or "–"
end

--- The page of the stack `name`.
function page.html(name, spec, req)
  local lang = language(req)
  local text = texts[lang]
  local isolated = ('<bdi dir="ltr">%s</bdi>'):format(escape(name))
  local values = {
    LANG = lang, DIR = text.dir, NAME = escape(name), BADGE = text.badge, BODY = text.body, TITLE = text.title:format(isolated),
    IMAGE = escape(spec.image), IMAGE_LABEL = text.image, VOLUME = escape(volume_of(spec)), VOLUME_LABEL = text.volume,
  }
  return (template:gsub("%u[%u_]+", values))
end

--- Somebody else's page, which proves nothing.
function page.other()
  return "<!doctype html><title>Welcome</title><h1>It works!</h1>"
end

return page
