// Small hands for the document: find, make, copy, say.
import { t } from "./text.js";

export const $ = (id) => document.getElementById(id);

/** An element: h("p", { class: "x", onclick: f }, "text", child...). Empty children are left out. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return element;
}

/** An icon of the sprite; decoration, so unseen by screen readers. */
export function icon(name, classes = "") {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  svg.setAttribute("class", classes);
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** Names, addresses, ids: left to right whatever surrounds them. */
export const code = (text, id) => h("bdi", { dir: "ltr", class: "mono", id }, text);

/** An address, in which the name stands out and stays in one piece. */
export function place(address, name, id) {
  const at = address.indexOf(name, address.indexOf("//") + 1);
  return h("bdi", { dir: "ltr", class: "mono", id }, address.slice(0, at), h("b", {}, name), address.slice(at + name.length));
}

export function show(element, visible) {
  element.hidden = !visible;
}

/** Tells a screen reader, once. */
export function say(text) {
  if ($("say").textContent !== text) $("say").textContent = text;
}

export function focus(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", readonly: true }); // plain http has no clipboard
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** Makes a button copy what `text()` says, and say so. */
export function copies(button, text) {
  const label = button.textContent;
  let timer;
  button.addEventListener("click", async () => {
    await toClipboard(text());
    button.focus();
    button.textContent = t("page.copied");
    say(t("page.copied"));
    clearTimeout(timer);
    timer = setTimeout(() => { button.textContent = label; say(""); }, 2000);
  });
  return button;
}

/** A button that copies a value; `label` tells which, to those who do not see it stand there. */
export function copyButton(label, value) {
  const button = h("button", { type: "button", class: "small", "aria-label": `${t("page.copy")}: ${label}` }, t("page.copy"));
  return copies(button, () => value);
}

/** A labelled value with a copy button: one row of a <dl>. `shown`: as it is shown. */
export function valueRow(label, value, shown) {
  return h("div", { class: "value" }, h("dt", {}, label), h("dd", {}, h("span", {}, shown), copyButton(label, value)));
}
