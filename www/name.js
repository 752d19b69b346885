// The name field: the address it will give, and whether the name is free, while typing.
import { check } from "./api.js";
import { $, code, h, icon, place, show } from "./dom.js";
import { address, settings, t } from "./text.js";

const PAUSE = 250;
const PATIENCE = 8000; // milliseconds until an answer that does not come is not waited for
const field = $("name");
let timer, asked, answer;

// Blanks, and the unseen marks of direction that come along with what is copied out of Arabic text.
const AROUND = /^[\s\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+|[\s\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+$/g;

/** A pasted address becomes its name; capitals and what surrounds it are folded. Nothing else is repaired. */
export function clean(text) {
  let name = text.replace(AROUND, "").toLowerCase();
  name = name.replace(/^https?:\/\//, "").replace(/[/?#].*$/, "").replace(/:\d+$/, "");
  const tail = `.${settings.suffix}`;
  return name.endsWith(tail) ? name.slice(0, -tail.length) : name;
}

export const current = () => clean(field.value);
export const isRefused = () => answer?.for === current() && !answer.available;

function verdict(kind, text) {
  $("check").className = `check ${kind}`;
  $("check").replaceChildren(...[kind === "good" && icon("done"), kind === "wrong" && icon("bad")].filter(Boolean), h("span", {}, text));
  if (kind === "wrong") field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

function suggest(names = []) {
  $("suggestions").replaceChildren(...names.map((name) => h("li", {},
    h("button", { type: "button", class: "small", onclick: () => { set(name); field.focus(); } }, code(name)))));
  show($("suggestions"), names.length > 0);
}

/** Shows what the portal says of the name; also used when it refuses a deployment. */
export function judge(name, found) {
  answer = { ...found, for: name };
  if (found.available) verdict("good", t("page.name.free", { name }));
  else verdict("wrong", found.detail ?? t("page.name.taken", { name }));
  suggest(found.suggestions);
}

/** Nothing was typed. */
export const missing = () => verdict("wrong", t("page.name.rule"));

export async function ask() {
  clearTimeout(timer);
  asked?.abort();
  const name = current();
  if (!name) return;
  const mine = (asked = new AbortController());
  const late = setTimeout(() => { verdict("", t("page.name.unknown")); field.removeAttribute("aria-busy"); }, PATIENCE);
  mine.signal.addEventListener("abort", () => clearTimeout(late));
  try {
    const found = await check(name, mine.signal);
    if (mine === asked && name === current()) judge(name, found);
  } catch (problem) {
    if (mine === asked && problem.name !== "AbortError") verdict("", t("page.name.unknown"));
  } finally {
    clearTimeout(late);
    if (mine === asked) field.removeAttribute("aria-busy");
  }
}

function changed() {
  const name = current();
  if (/[:/.]/.test(field.value) && name !== field.value) field.value = name; // a pasted address
  $("address").replaceWith(place(address(name || t("page.name.example")), name || t("page.name.example"), "address"));
  $("preview").classList.toggle("empty", !name);
  show($("problem"), false);
  if (answer?.for === name) return;
  answer = undefined;
  asked?.abort();
  clearTimeout(timer);
  suggest();
  verdict("", name ? "" : t("page.name.rule"));
  if (!name) return field.removeAttribute("aria-busy");
  field.setAttribute("aria-busy", "true");
  timer = setTimeout(ask, PAUSE);
}

export function set(name) {
  field.value = name;
  changed();
}

export function start() {
  field.addEventListener("input", changed);
  changed();
}
