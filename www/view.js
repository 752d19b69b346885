// Which of the page's views is shown, and its address: "/" the form, "/deployment/ID" an operation, "/stack/NAME" a workspace.
import { $, show } from "./dom.js";

const PLACES = { d: "/deployment/", w: "/stack/" };
const shown = new Map(); // "home" | "d" | "w" → function(value, options)

export const on = (what, fn) => shown.set(what, fn);

/** The address of a view: href({ d: id }), href({ w: name }), href(). */
export function href(to = {}) {
  const [what, value] = Object.entries(to)[0] ?? [];
  return what ? PLACES[what] + encodeURIComponent(value) : "/";
}

/** The view of an address: ["d", id], ["w", name] or ["home", ""]. */
export function at(path = location.pathname) {
  for (const [what, start] of Object.entries(PLACES)) {
    if (path.startsWith(start) && path.length > start.length) return [what, decodeURIComponent(path.slice(start.length))];
  }
  return ["home", ""];
}

/** This address, without the choice of a language. */
export function withoutLanguage() {
  const query = new URLSearchParams(location.search);
  query.delete("lang");
  return `${location.pathname}${query.size === 0 ? "" : "?"}${query}`;
}

export function go(to = {}, options = {}) {
  history[options.replace ? "replaceState" : "pushState"](null, "", href(to));
  draw(options);
}

export function draw(options = {}) {
  const [what, value] = at();
  show($("home"), what === "home");
  show($("job"), what !== "home");
  for (const [other, fn] of shown) if (other !== what) fn(null, {});
  shown.get(what)(value, options);
}

/** Plain links inside the page need no new page. */
export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-view]");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const [what, value] = at(new URL(link.href).pathname);
    go(what === "home" ? {} : { [what]: value }, { moved: true });
  });
  addEventListener("popstate", () => draw({ moved: true }));
}
