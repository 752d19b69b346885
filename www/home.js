// The start page: the form that asks for a workspace, and the visitor's workspaces.
import { call, deploy, part } from "./api.js";
import { $, cameFromHere, enableCopying, h, morph, writeTimes } from "./dom.js";
import { enableForms } from "./forms.js";
import * as memory from "./memory.js";
import * as name from "./name.js";
import { clean, t } from "./text.js";

let isSending = false;

function showBusy(isBusy) {
  isSending = isBusy;
  $("deploy").textContent = t(isBusy ? "live.deploy.busy" : "live.deploy");
  $("deploy").setAttribute("aria-busy", String(isBusy));
}

function refuse(wanted, problem) {
  if (["name_taken", "name_invalid", "name_reserved"].includes(problem.code)) {
    name.judge(wanted, { available: false, detail: problem.message });
    name.ask(); // for suggestions
    return $("name").focus();
  }
  if (problem.code.startsWith("invite_")) {
    $("invite").setAttribute("aria-invalid", "true");
    $("invite").focus();
  }
  const detail = problem.status === 0 ? t("live.unreachable.deploy") : problem.message;
  $("problem").replaceChildren(h("strong", {}, problem.title), h("p", {}, detail));
  $("problem").hidden = false;
}

// The cookie says who the owner is; browsers without cookies send the key. A key from before the
// portal was set up again must not stand in the way.
async function ask(wanted) {
  const attempt = memory.attempt(wanted.name);
  const key = navigator.cookieEnabled ? undefined : memory.ownKey();
  try {
    return await deploy(wanted, attempt, key);
  } catch (problem) {
    if (problem.code !== "key_invalid" || !key) throw problem;
    return deploy(wanted, attempt);
  }
}

async function submit() {
  const wanted = name.current();
  if (isSending) return;
  if (!wanted) name.showMissing();
  if (!wanted || name.isRefused()) return $("name").focus();
  $("problem").hidden = true;
  $("invite")?.removeAttribute("aria-invalid");
  showBusy(true);
  const { template, invite } = Object.fromEntries(new FormData($("form")));
  try {
    const body = { name: wanted, template, invite: clean(invite ?? "") || undefined };
    const { name: given, deploymentId: id, ownerKey: key } = await ask(body);
    memory.attemptAnswered();
    memory.remember({ name: given, id, key, open: true }, true);
    location.assign(`/deployment/${id}`);
  } catch (problem) {
    if (problem.status >= 400 && problem.status < 500) memory.attemptAnswered();
    refuse(wanted, problem);
    showBusy(false);
  }
}

// The lists

// Adds the workspaces of other owners whose keys this browser has.
async function addByKey(key) {
  const { document: found } = await part("/stacks", key);
  const list = $("workspaces");
  if (!list) return morph($("lists"), found.getElementById("lists"));
  for (const item of found.querySelectorAll("#workspaces > li")) {
    if (!list.querySelector(`[data-name="${item.dataset.name}"]`)) list.append(item);
  }
}

async function addOthers() {
  for (const key of memory.otherKeys()) await addByKey(key).catch(() => {});
  writeTimes($("lists"));
}

// The queue's length and the workspaces may have changed since the page was loaded.
async function refresh() {
  const { document: found } = await part("/").catch(() => ({}));
  if (!found) return;
  morph($("wait"), found.getElementById("wait"));
  morph($("lists"), found.getElementById("lists"));
  await addOthers();
}

async function useKey(event) {
  event.preventDefault();
  const wanted = clean($("key-name").value).toLowerCase();
  const key = clean($("key-value").value);
  $("key-problem").textContent = "";
  if (!wanted || !key) {
    $("key-problem").textContent = t("live.key.missing");
    return;
  }
  try {
    await call(`/api/stack/${encodeURIComponent(wanted)}`, { key });
    memory.remember({ name: wanted, key, open: false });
    location.assign(`/stack/${encodeURIComponent(wanted)}`);
  } catch (problem) {
    const isUnknown = problem.status === 404;
    $("key-problem").textContent = isUnknown ? t("live.key.wrong") : problem.message;
  }
}

// Start

function start() {
  const open = memory.unfinished();
  if (open && !cameFromHere()) return location.replace(`/deployment/${open.id}`);
  name.start();
  enableCopying();
  const hasCookie = navigator.cookieEnabled;
  enableForms({ keyFor: (wanted) => (hasCookie ? undefined : memory.keyFor(wanted)) });
  writeTimes($("lists"));
  addOthers();
  $("form").noValidate = true; // the messages here are better than the browser's
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  $("key-form").addEventListener("submit", useKey);
  memory.onChange(refresh);
  addEventListener("online", refresh);
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    showBusy(false);
    refresh();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  const resumed = memory.unanswered()?.name ?? memory.takeRetryName();
  if (resumed) {
    name.set(resumed);
    submit();
  } else if (matchMedia("(hover: hover)").matches) {
    $("name").focus({ preventScroll: true });
  }
}

start();
