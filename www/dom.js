// Helpers for the document: find and create elements, copy, announce, exchange content.
import { ago, moment, t } from "./text.js";

export const $ = (id) => document.getElementById(id);

/** Creates an element: h("p", { class: "x", onclick: f }, "text", child). */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag, props, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(props)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Text for screen readers. */
export function say(text) {
  $("say").textContent = text;
}

export function focus(element) {
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}

/** Whether the visitor came here from another page of the portal. */
export const cameFromHere = () => document.referrer.startsWith(`${location.origin}/`);

/** Writes times as the visitor's language and time zone do. */
export function writeTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = Date.parse(time.dateTime);
    time.textContent = time.className === "ago" ? ago(at) : moment(at);
    time.title = time.className === "ago" ? moment(at) : new Date(at).toISOString();
  }
}

// Copying

async function toClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", readonly: "" }); // no clipboard over plain http
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/** Makes buttons with data-copy="ID" copy what textOf(ID) resolves to, and say so. */
export function enableCopying(textOf = (id) => $(id).textContent) {
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    const text = await textOf(button.dataset.copy);
    if (!text) return;
    await toClipboard(text);
    const label = button.dataset.label ??= button.textContent;
    button.focus();
    button.textContent = t("live.copied");
    say(t("live.copied"));
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// Morphing

function counterpart(at, wanted) {
  for (let node = at; node; node = node.nextSibling) {
    if (wanted.id && node.id === wanted.id) return node;
    if (!wanted.id) return node.nodeName === wanted.nodeName && !node.id ? node : undefined;
  }
}

function morphAttributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (name !== "open" && !to.hasAttribute(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (name !== "open" && from.getAttribute(name) !== value) from.setAttribute(name, value);
  }
}

/**
 * Makes one element like another. Elements that are in both stay, so focus, scroll positions,
 * animations, ticked boxes and opened details survive. data-keep: the element is left alone.
 */
export function morph(from, to) {
  if ("keep" in from.dataset) return;
  morphAttributes(from, to);
  let at = from.firstChild;
  for (const wanted of [...to.childNodes]) {
    const same = counterpart(at, wanted);
    if (!same) {
      from.insertBefore(wanted, at);
      continue;
    }
    while (at !== same) at = next(at);
    at = same.nextSibling;
    if (same.nodeType !== Node.ELEMENT_NODE) {
      if (same.data !== wanted.data) same.data = wanted.data;
    } else if (same instanceof HTMLElement) {
      morph(same, wanted);
    } else if (same.outerHTML !== wanted.outerHTML) {
      same.replaceWith(wanted);
    }
  }
  while (at) at = next(at);
}

function next(removed) {
  const { nextSibling } = removed;
  removed.remove();
  return nextSibling;
}
