// One workspace, for its owner: how to get in, what can be done with it, the key to keep.
import { link, operate, remove, stack } from "./api.js";
import { $, code, copyButton, h, icon, place, show, valueRow } from "./dom.js";
import * as memory from "./memory.js";
import { picture } from "./qr.js";
import { address, ago, moment, t } from "./text.js";
import { go } from "./view.js";

const USER = "opencode";
const SESSION = "/L3dvcmtzcGFjZQ/session"; // the workspace folder's own page in OpenCode
const HIDDEN = "••••••••";
const STATES = {
  ready: "page.state.ready", unhealthy: "page.state.unhealthy", stopped: "page.state.stopped",
  deleting: "page.state.deleting", queued: "page.state.queued", running: "page.state.running",
  rolling_back: "page.state.rolling_back", failed: "page.state.failed", stopping: "page.state.stopping",
  starting: "page.state.starting", restarting: "page.state.restarting", rotating: "page.state.rotating",
  redeploying: "page.state.redeploying",
};
const ACTS = { ready: ["stop", "restart", "rotate"], unhealthy: ["stop", "restart", "rotate"], stopped: ["start"] };
const ACT_TEXTS = { stop: "page.act.stop", start: "page.act.start", restart: "page.act.restart", rotate: "page.act.rotate" };
export const WORK = new Set(["queued", "running", "rolling_back", "deleting", "stopping", "starting", "restarting", "redeploying", "rotating"]);

const keyOf = (name) => memory.byName(name)?.key ?? (navigator.cookieEnabled ? undefined : memory.ownerKey());
/** Whether there is any chance that it is told more than strangers are. */
const isKnown = (name) => keyOf(name) || "owner" in $("mine").dataset || memory.ownerKey();
export const stateText = (state) => (STATES[state] ? t(STATES[state]) : state);

function openLink(url) {
  return h("a", { class: "button primary", id: "open", href: url, target: "_blank", rel: "noopener" }, t("page.open"), icon("out", "mirror"));
}

const note = (kind, text) => text && h("p", { class: `notice ${kind}` }, text);

function passwordRow(password) {
  const value = code(HIDDEN, "password");
  const row = valueRow(t("page.password"), password, value);
  const button = h("button", { type: "button", class: "small", id: "reveal", "aria-controls": "password" });
  let shown = false;
  const draw = () => {
    button.textContent = t(shown ? "page.hide" : "page.reveal");
    button.setAttribute("aria-label", `${button.textContent}: ${t("page.password")}`);
    value.textContent = shown ? password : HIDDEN;
    row.classList.toggle("shown", shown);
  };
  button.addEventListener("click", () => { shown = !shown; draw(); });
  draw();
  row.querySelector("dd").lastChild.before(button);
  return row;
}

// The key ----------------------------------------------------------------------------------------------------------------

// A text of which a phone can take a picture; opened on demand.
function qrOf(text) {
  const code = picture(text, t("page.qr.alt"));
  return code && h("details", { class: "quiet" }, h("summary", {}, t("page.qr")), code);
}

function download(name, key) {
  const text = `${location.origin}\n${name}\n${key}\n`;
  const href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  return h("a", { class: "button small", id: "key-download", href, download: `${name}-key.txt` }, t("page.key.download"));
}

function keepKey(name, key) {
  return h("section", { class: "keep" },
    h("h2", {}, t("page.key.title")), h("p", {}, t("page.key.why")),
    h("div", { class: "value" }, h("span", {}, code(key, "owner-key")), copyButton(t("page.key.label"), key), download(name, key)),
    qrOf(key));
}

// The link to another device is made when it is asked for: it lives ten minutes.
function move(name) {
  const place = h("div", { class: "moved", role: "status" });
  const button = h("button", { type: "button", id: "move" }, t("page.move.button"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const url = new URL((await link(keyOf(name))).link, location.origin).href;
      place.replaceChildren(h("p", {}, t("page.move.what")),
        h("div", { class: "value" }, h("span", {}, code(url, "move-link")), copyButton(t("page.move.button"), url)),
        picture(url, t("page.qr.alt")) ?? "");
    } catch (problem) {
      place.replaceChildren(note("bad", problem.message));
    }
    button.disabled = false;
  });
  return h("section", { class: "keep" }, button, place);
}

// What can be done -------------------------------------------------------------------------------------------------------

const BEGUN = { stop: "stopping", start: "starting", restart: "restarting", rotate: "rotating", delete: "deleting", purge: "deleting" };

function follow(name, kind, started) {
  const id = started.deploymentId ?? started.statusUrl.split("/").pop();
  if (memory.byName(name)) memory.update(name, { id, open: true });
  go({ d: id }, { moved: true, seed: { name, kind, state: BEGUN[kind] } });
}

async function act(name, what, trouble) {
  if (what === "rotate" && !(await askRotate())) return;
  try {
    const path = what === "rotate" ? ["password", keyOf(name), { action: "rotate" }] : [what, keyOf(name)];
    follow(name, what, await operate(name, ...path));
  } catch (problem) {
    trouble.textContent = problem.message;
  }
}

function askRotate() {
  const dialog = $("rotate");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "go"), { once: true }));
}

function actions(name, state) {
  const trouble = h("span", { class: "wrong", role: "alert" });
  const list = (ACTS[state] ?? []).map((what) =>
    h("button", { type: "button", class: "small", id: `act-${what}`, onclick: () => act(name, what, trouble) }, t(ACT_TEXTS[what])));
  const last = h("button", { type: "button", class: "plain", id: "delete-open", onclick: () => askDelete(name) }, t("page.delete.open"));
  return h("div", { class: "row acts" }, list, last, trouble);
}

// The card ---------------------------------------------------------------------------------------------------------------

function forOwner(found, key, url, openUrl, warning, told) {
  return [
    note("warn", warning),
    found.state && found.state !== "ready" && found.state !== told && note("warn state-note", found.trouble?.detail ?? stateText(found.state)),
    note("warn", found.passwordProblem?.detail),
    h("dl", { class: "values" },
      valueRow(t("page.address"), url, place(url, found.name, "url")), valueRow(t("page.user"), USER, code(USER, "user")), found.password && passwordRow(found.password)),
    found.state !== "stopped" && h("p", { class: "row" }, openLink(openUrl), h("span", { class: "hush" }, t("page.open.hint"))),
    found.createdAt && h("p", { class: "hush" }, t("page.stack.since", { time: moment(Date.parse(found.createdAt)) }),
      found.lastUsedAt && ` · ${t("page.used", { time: ago(Date.parse(found.lastUsedAt)) })}`),
    actions(found.name, found.state), key && keepKey(found.name, key), move(found.name),
  ];
}

function forOthers(name, url, openUrl, warning, why) {
  return [
    note("warn", warning), h("dl", { class: "values" }, valueRow(t("page.address"), url, place(url, name, "url"))),
    h("p", { class: "row" }, openLink(openUrl)), note("", why),
  ];
}

// A moment, longer each time; over at once when the network is back.
function pause(tries) {
  return new Promise((resolve) => {
    setTimeout(resolve, Math.min(15000, 1000 * 2 ** tries));
    addEventListener("online", resolve, { once: true });
  });
}

const WHY = { 0: "page.unreachable.waiting", 404: "page.stack.not_yours" };
let wish = 0; // whoever asked before the newest has nothing to show any more

/** What is still on its way to a card is not wanted any more. */
export function leave() {
  wish++;
}

/** Fills `place` with the workspace's card; what only the owner may see is fetched by the cookie, or with the key this browser has. */
export async function card(place, { name, url = address(name), openUrl = url + SESSION, warning, told }) {
  const mine = ++wish;
  const draw = (parts) => place.replaceChildren(...parts.filter(Boolean));
  if (!isKnown(name)) return draw(forOthers(name, url, openUrl, warning, t(WHY[404])));
  for (let tries = 0; mine === wish; tries++) {
    try {
      const found = await stack(name, keyOf(name));
      if (mine !== wish) return;
      if (WORK.has(found.state) && found.statusUrl) return go({ d: found.statusUrl.split("/").pop() }, { replace: true });
      return draw(forOwner({ name, ...found }, keyOf(name), url, openUrl, warning, told));
    } catch (problem) {
      if (mine !== wish) return;
      draw(forOthers(name, url, openUrl, warning, WHY[problem.status] ? t(WHY[problem.status]) : problem.message));
      if (problem.status !== 0) return;
      await pause(tries);
    }
  }
}

let deleting; // { name, files }: only files, whose workspace is gone already

function askDelete(name, files = false) {
  deleting = { name, files };
  $("delete-title").textContent = t(files ? "page.kept.ask" : "page.delete.title", { name });
  $("delete-what").textContent = t(files ? "page.kept.gone" : "page.delete.what");
  show($("delete-tick"), !files);
  $("delete-ask").textContent = t("page.delete.confirm", { name });
  $("delete-name").value = "";
  $("delete-data").checked = false;
  $("delete-problem").textContent = "";
  $("delete").showModal();
  $("delete-name").focus();
}

/** Asks whether the files that outlived a workspace are to go. */
export const askPurge = (name) => askDelete(name, true);

async function doDelete(event) {
  event.preventDefault();
  const { name, files } = deleting;
  if ($("delete-name").value.trim().toLowerCase() !== name) {
    $("delete-problem").textContent = t("page.delete.mismatch", { name });
    return $("delete-name").focus();
  }
  $("delete-go").disabled = true;
  try {
    const started = await remove(name, keyOf(name), files || $("delete-data").checked);
    $("delete").close();
    follow(name, files ? "purge" : "delete", started);
  } catch (problem) {
    $("delete-problem").textContent = problem.message;
  } finally {
    $("delete-go").disabled = false;
  }
}

export function start() {
  $("delete-form").addEventListener("submit", doDelete);
  $("delete-keep").addEventListener("click", () => $("delete").close());
}
