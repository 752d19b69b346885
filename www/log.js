// The deployment's log. It follows its end, unless the reader has scrolled away from it.
import { $ } from "./dom.js";
import { number } from "./text.js";

const MAX_LINES = 5000;
const pending = [];
let count = 0;

export const add = (line) => pending.push(line);

/** Shows the lines that were added. */
export function draw() {
  if (pending.length === 0) return;
  $("log").hidden = false;
  const box = $("log-lines");
  const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
  box.append(...pending.map((line) => `${line}\n`));
  count += pending.length;
  pending.length = 0;
  for (; count > MAX_LINES; count--) box.firstChild.remove();
  if (isAtEnd) box.scrollTop = box.scrollHeight;
  $("log-count").textContent = number(count);
}

export function start() {
  $("log").addEventListener("toggle", () => {
    $("log-lines").scrollTop = $("log-lines").scrollHeight;
  });
}
