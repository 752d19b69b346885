// Files that outlived their workspace: what there is, since when, and their removal.
import { $, code, h, show } from "./dom.js";
import { askPurge } from "./stack.js";
import { moment, t } from "./text.js";

function note(entry, held) {
  if (entry.reason === "left") return t("page.kept.left");
  return held ? t("page.kept.held") : "";
}

// The portal removes a workspace and its files by the one name: while there is a workspace of it, that would be what goes.
function row(entry, held) {
  const remove = h("button", { type: "button", class: "small", onclick: () => askPurge(entry.name) }, t("page.kept.open"));
  return h("li", { "data-kept": entry.name },
    h("span", { class: "entry" }, h("strong", {}, h("bdi", { dir: "ltr" }, entry.name)), code(entry.volume)),
    h("span", { class: "facts-row" }, h("time", { datetime: entry.since }, t("page.kept.since", { time: moment(Date.parse(entry.since)) }))),
    held ? null : remove,
    note(entry, held) && h("span", { class: "hush note" }, note(entry, held)));
}

/** Shows them, beside the names of the workspaces that there are. */
export function draw(list, names) {
  $("kept-list").replaceChildren(...list.map((entry) => row(entry, names.includes(entry.name))));
  show($("kept"), list.length > 0);
}
