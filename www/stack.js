// One workspace, for its owner: how to get in, the key to keep, and the way to delete it.
import { remove, stack } from "./api.js";
import { $, code, copyButton, h, icon, valueRow } from "./dom.js";
import * as memory from "./memory.js";
import { address, t } from "./text.js";
import { go } from "./view.js";

const USER = "opencode";
const SESSION = "/L3dvcmtzcGFjZQ/session"; // the workspace folder's own page in OpenCode
const STATES = {
  ready: "page.state.ready", unhealthy: "page.state.unhealthy", stopped: "page.state.stopped",
  deleting: "page.state.deleting", queued: "page.state.queued", running: "page.state.running",
  rolling_back: "page.state.rolling_back", failed: "page.state.failed",
};

const WORK = new Set(["queued", "running", "rolling_back", "deleting"]);

const keyOf = (name) => memory.byName(name)?.key ?? memory.ownerKey();
export const stateText = (state) => (STATES[state] ? t(STATES[state]) : state);

function openLink(url) {
  const link = { class: "button primary", id: "open", href: url, target: "_blank", rel: "noopener" };
  return h("a", link, t("page.open"), icon("out", "mirror"));
}

function keepKey(key) {
  return h("section", { class: "keep" },
    h("h2", {}, t("page.key.title")), h("p", {}, t("page.key.why")),
    h("div", { class: "value" }, h("span", {}, code(key, "owner-key")), copyButton(t("page.key.label"), key)));
}

function danger(name) {
  const button = { type: "button", class: "plain", id: "delete-open", onclick: () => askDelete(name) };
  return h("p", { class: "row end" }, h("button", button, t("page.delete.open")));
}

const note = (kind, text) => text && h("p", { class: `notice ${kind}` }, text);

function forOwner(found, key, url, openUrl, warning) {
  return [
    note("warn", warning),
    found.state && found.state !== "ready" && note("warn", stateText(found.state)),
    note("warn", found.passwordProblem?.detail),
    h("dl", { class: "values" },
      valueRow(t("page.address"), url, "url"), valueRow(t("page.user"), USER, "user"),
      found.password && valueRow(t("page.password"), found.password, "password")),
    h("p", { class: "row" }, openLink(openUrl), h("span", { class: "hush" }, t("page.open.hint"))),
    keepKey(key), danger(found.name),
  ];
}

function forOthers(name, url, openUrl, warning, why) {
  return [
    note("warn", warning), h("dl", { class: "values" }, valueRow(t("page.address"), url, "url")),
    h("p", { class: "row" }, openLink(openUrl)), note("", why),
  ];
}

/** Fills `place` with the workspace's card; what only the owner may see is fetched with the key this browser has. */
export async function card(place, { name, url = address(name), openUrl = url + SESSION, warning }) {
  const key = keyOf(name);
  if (!key) return place.replaceChildren(...forOthers(name, url, openUrl, warning, t("page.stack.not_yours")).filter(Boolean));
  try {
    const found = await stack(name, key);
    if (WORK.has(found.state) && found.statusUrl) return go({ d: found.statusUrl.split("/").pop() }, { replace: true });
    place.replaceChildren(...forOwner({ name, ...found }, key, url, openUrl, warning).filter(Boolean));
  } catch (problem) {
    const why = problem.status === 404 ? t("page.stack.not_yours") : problem.message;
    place.replaceChildren(...forOthers(name, url, openUrl, warning, why).filter(Boolean));
  }
}

let deleting;

function askDelete(name) {
  deleting = name;
  $("delete-title").textContent = t("page.delete.title", { name });
  $("delete-ask").textContent = t("page.delete.confirm", { name });
  $("delete-name").value = "";
  $("delete-data").checked = false;
  $("delete-problem").textContent = "";
  $("delete").showModal();
  $("delete-name").focus();
}

async function doDelete(event) {
  event.preventDefault();
  const name = deleting;
  if ($("delete-name").value.trim().toLowerCase() !== name) {
    $("delete-problem").textContent = t("page.delete.mismatch", { name });
    return $("delete-name").focus();
  }
  $("delete-go").disabled = true;
  try {
    const started = await remove(name, keyOf(name), $("delete-data").checked);
    const id = started.deploymentId ?? started.statusUrl.split("/").pop();
    if (memory.byName(name)) memory.update(name, { id, open: true });
    $("delete").close();
    go({ d: id });
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
