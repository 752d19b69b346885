// The name field: the address that a name gives, and whether it is free, while typing.
import { call } from "./api.js";
import { $, h, svg } from "./dom.js";
import { clean, t } from "./text.js";

const PAUSE_MS = 250;
const PATIENCE_MS = 8000; // after this long the page says that it could not check
const settings = JSON.parse($("settings").textContent);
const field = $("name");
let timer, request, answer;

// A pasted address becomes its name; capitals are folded. The portal does the rest.
function nameIn(text) {
  const name = clean(text).toLowerCase().replace(/^https?:\/\//, "")
    .replace(/[/?#].*$/, "").replace(/:\d+$/, "");
  const suffix = `.${settings.suffix}`;
  return name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export const current = () => nameIn(field.value);
export const isRefused = () => answer?.name === current() && !answer.available;

function icon(name) {
  return svg("svg", { "aria-hidden": "true" }, svg("use", { href: `#i-${name}` }));
}

const ICONS = { good: "done", wrong: "bad" };

function showVerdict(kind, text) {
  $("check").className = `check ${kind}`;
  const icons = ICONS[kind] ? [icon(ICONS[kind])] : [];
  $("check").replaceChildren(...icons, h("span", {}, text));
  if (kind === "wrong") field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

function suggest(names = []) {
  const take = (name) => {
    set(name);
    field.focus();
  };
  $("suggestions").replaceChildren(...names.map((name) => h("li", {},
    h("button", { type: "button", class: "small", onclick: () => take(name) },
      h("bdi", { dir: "ltr", class: "mono", translate: "no" }, name)))));
  $("suggestions").hidden = names.length === 0;
}

/** Shows the portal's answer about a name; also after it has refused a deployment. */
export function judge(name, found) {
  answer = { ...found, name };
  if (found.available) {
    showAddress(found.name);
    showVerdict("good", t("live.name.free", { name: found.name }));
  }
  else showVerdict("wrong", found.detail ?? t("live.name.taken", { name }));
  suggest(found.suggestions);
}

/** Nothing was typed. */
export const showMissing = () => showVerdict("wrong", t("live.name.rule"));

export async function ask() {
  clearTimeout(timer);
  request?.abort();
  const name = current();
  if (!name) return;
  const mine = (request = new AbortController());
  const giveUp = (problem) => {
    const isSignedOut = problem?.code === "signed_out";
    showVerdict("", isSignedOut ? problem.message : t("live.name.unknown"));
    field.removeAttribute("aria-busy");
  };
  const patience = setTimeout(giveUp, PATIENCE_MS);
  mine.signal.addEventListener("abort", () => clearTimeout(patience));
  try {
    const found = await call(`/api/check/${encodeURIComponent(name)}`, { signal: mine.signal });
    if (mine === request && name === current()) judge(name, found);
  } catch (problem) {
    if (mine === request && problem.name !== "AbortError") giveUp(problem);
  } finally {
    clearTimeout(patience);
    if (mine === request) field.removeAttribute("aria-busy");
  }
}

function showAddress(name) {
  const { scheme, suffix, port } = settings;
  const shown = name || t("live.name.example");
  $("address").replaceChildren(`${scheme}://`, h("b", {}, shown),
    `.${suffix}${port ? `:${port}` : ""}`);
  $("preview").classList.toggle("empty", !name);
}

function changed() {
  const name = current();
  if (/[:/.]/.test(field.value) && name !== field.value) field.value = name; // a pasted address
  showAddress(name);
  $("problem").hidden = true;
  if (answer?.name === name) return;
  answer = undefined;
  request?.abort();
  clearTimeout(timer);
  suggest();
  showVerdict("", name ? "" : t("live.name.rule"));
  if (!name) return field.removeAttribute("aria-busy");
  field.setAttribute("aria-busy", "true");
  timer = setTimeout(ask, PAUSE_MS);
}

export function set(name) {
  field.value = name;
  changed();
}

export function start() {
  field.addEventListener("input", changed);
  changed();
}
