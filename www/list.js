// The workspaces of this browser's owner, with those that it knows by a key; and the way to bring one in with its key.
import { stack, stacks, status } from "./api.js";
import { $, code, h, icon, show } from "./dom.js";
import { ENDS } from "./follow.js";
import * as kept from "./kept.js";
import * as memory from "./memory.js";
import { WORK, stateText } from "./stack.js";
import { address, ago, moment, t } from "./text.js";
import { go, href } from "./view.js";

function openSmall({ name, openUrl }) {
  const label = `${t("page.open")}: ${name}`;
  return h("a", { class: "button small", href: openUrl, target: "_blank", rel: "noopener", "aria-label": label, title: label }, icon("out", "mirror"));
}

const time = (at, key, said, props) => h("time", { datetime: new Date(at).toISOString(), title: moment(at), ...props }, t(key, { time: said(at) }));

function row(entry) {
  const to = entry.open ? { d: entry.id } : { w: entry.name };
  const state = h("span", { class: "state" }, entry.open ? t("page.state.running") : entry.state ? stateText(entry.state) : "");
  const item = h("li", { "data-name": entry.name, class: entry.state },
    h("a", { href: href(to), "data-view": true, class: "entry" },
      h("strong", {}, h("bdi", { dir: "ltr" }, entry.name)), code((entry.url ?? address(entry.name)).replace(/^https?:\/\//, ""))),
    h("span", { class: "facts-row" }, state, time(entry.at, "page.since", moment), entry.lastUsedAt && time(Date.parse(entry.lastUsedAt), "page.used", ago, { class: "used" })),
    entry.state === "ready" && entry.openUrl && openSmall(entry));
  return { item, state };
}

function missing(entry, item, state) {
  state.textContent = t("page.state.gone");
  item.className = "gone";
  const forget = () => { memory.forget(entry.name); draw(); };
  item.append(h("button", { type: "button", class: "small", onclick: forget }, t("page.mine.forget")));
}

async function look(entry, { item, state }) {
  try {
    if (entry.open) return await lookAtWork(entry, item);
    if (entry.state) return;
    const found = await stack(entry.name, entry.key);
    item.className = found.state;
    state.textContent = stateText(found.state);
  } catch (problem) {
    if (problem.status === 404) missing(entry, item, state);
    else state.textContent = t("page.state.unknown");
  }
}

// Its work may have ended while nobody looked.
async function lookAtWork(entry, item) {
  item.className = "running";
  const found = await status(entry.id);
  if (!ENDS.has(found.state)) return;
  memory.settle(entry.id, { ...found.result, ...found });
  draw();
}

const newest = (a, b) => b.at - a.at;

// What the portal says is the owner's, and what only this browser remembers.
async function all() {
  const remembered = memory.workspaces();
  if (!("owner" in $("mine").dataset)) return { entries: remembered, files: [] };
  const { stacks: list, keptData: files } = await stacks().catch(() => ({ stacks: [], keptData: [] }));
  const told = list.map((one) => ({ ...memory.byName(one.name), ...one, at: Date.parse(one.createdAt), open: WORK.has(one.state), id: idOf(one) }));
  return { entries: [...told, ...remembered.filter((entry) => !told.some((one) => one.name === entry.name))].sort(newest), files };
}

const idOf = ({ statusUrl }) => statusUrl.split("/").pop();

export async function draw() {
  const { entries, files } = await all();
  const rows = entries.map(row);
  $("workspaces").replaceChildren(...rows.map(({ item }) => item));
  show($("mine"), entries.length > 0);
  kept.draw(files, entries.map(({ name }) => name));
  entries.forEach((entry, index) => look(entry, rows[index]));
}

async function useKey(event) {
  event.preventDefault();
  const name = $("key-name").value.trim().toLowerCase();
  const key = $("key-value").value.trim();
  $("key-problem").textContent = "";
  if (!name || !key) return void ($("key-problem").textContent = t("page.key.missing"));
  try {
    const found = await stack(name, key);
    memory.remember({ name, key, url: found.url, at: Date.parse(found.createdAt) || Date.now(), open: false });
    $("key-form").reset();
    $("key-entry").open = false;
    go({ w: name }, { moved: true });
  } catch (problem) {
    $("key-problem").textContent = problem.status === 404 ? t("page.key.wrong") : problem.message;
  }
}

export function start() {
  $("key-form").addEventListener("submit", useKey);
  const again = () => { if (!$("home").hidden) draw(); };
  memory.onChange(again);
  addEventListener("online", again);
}
