// Which of the page's views is shown, and its address: "/" the form, "?d=ID" an operation, "?w=NAME" a workspace.
import { $, show } from "./dom.js";

const shown = new Map(); // "home" | "d" | "w" → function(value, options)

export const on = (what, fn) => shown.set(what, fn);

/** The address of a view; a language that was asked for stays asked for. */
export function href(to = {}) {
  const query = new URLSearchParams(to);
  const language = new URLSearchParams(location.search).get("lang");
  if (language) query.set("lang", language);
  return `/${query.size === 0 ? "" : "?"}${query}`;
}

/** This address, without the choice of a language. */
export function withoutLanguage() {
  const query = new URLSearchParams(location.search);
  query.delete("lang");
  return `/${query.size === 0 ? "" : "?"}${query}`;
}

export function go(to = {}, options = {}) {
  history[options.replace ? "replaceState" : "pushState"](null, "", href(to));
  draw(options);
}

export function draw(options = {}) {
  const query = new URLSearchParams(location.search);
  const what = query.get("d") ? "d" : query.get("w") ? "w" : "home";
  show($("home"), what === "home");
  show($("job"), what !== "home");
  for (const [other, fn] of shown) if (other !== what) fn(null, {});
  shown.get(what)(query.get(what) ?? "", options);
}

/** Plain links inside the page need no new page. */
export function start() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-view]");
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const query = Object.fromEntries(new URL(link.href).searchParams);
    delete query.lang;
    go(query, { moved: true });
  });
  addEventListener("popstate", () => draw({ moved: true }));
}
