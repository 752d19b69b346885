// The deployment's log: it follows the end unless the reader has scrolled away from it.
import { $, copies, show } from "./dom.js";
import { number } from "./text.js";

const MOST = 5000;
let lines = [], fresh = [];

export function clear() {
  lines = [];
  fresh = [];
  $("log-lines").replaceChildren();
}

export const add = (line) => fresh.push(line);

export function draw() {
  if (fresh.length > 0) {
    const box = $("log-lines");
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    lines.push(...fresh);
    box.append(...fresh.map((line) => `${line}\n`));
    for (; lines.length > MOST; lines.shift()) box.firstChild.remove();
    if (atEnd) box.scrollTop = box.scrollHeight;
    fresh = [];
    $("log-count").textContent = number(lines.length);
  }
  show($("log"), lines.length > 0);
}

export function start() {
  copies($("log-copy"), () => `${lines.join("\n")}\n`);
  $("log").addEventListener("toggle", () => { $("log-lines").scrollTop = $("log-lines").scrollHeight; });
}
