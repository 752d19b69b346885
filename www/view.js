// The page of an operation or a workspace. The server renders it; this follows the event stream,
// asks for the part that changed, sends forms, copies and notifies.
import { call, part } from "./api.js";
import { $, cameFromHere, enableCopying, focus, h, morph, writeTimes } from "./dom.js";
import { follow } from "./follow.js";
import { enableForms } from "./forms.js";
import * as log from "./log.js";
import * as memory from "./memory.js";
import * as notify from "./notify.js";
import { duration, t } from "./text.js";

const job = $("job");
const { operation, name } = job.dataset;
const GAP_MS = 1000; // between two refreshes while events come in
let clockSkew = 0, isStreamLost = false;
let trouble; // why the last look failed, when it was not the network
let prepareForms;

const isOver = () => !operation || "over" in job.dataset;

// Refreshing

function showLost(isLost) {
  if (!$("lost")) return;
  $("lost").hidden = !isLost;
  $("lost").textContent = trouble ?? t("live.lost");
  if (isLost) $("say").textContent = $("lost").textContent;
}

// Times that run, once a second.
function tick() {
  for (const time of job.querySelectorAll("time[data-from]")) {
    const end = Date.parse(time.dataset.to) || Date.now() + clockSkew;
    time.textContent = duration((end - Date.parse(time.dataset.from)) / 1000);
  }
}

function dress() {
  const skew = Date.parse(job.dataset.now) - Date.now();
  clockSkew = Math.abs(skew) > 2000 ? skew : 0;
  tick();
  writeTimes(job);
  prepareForms();
}

function settle() {
  const { over: state, kind } = job.dataset;
  const isGone = state === "deleted"
    || (/^(deploy|restore)$/.test(kind) && state !== "ready" && "clean" in job.dataset);
  memory.ended(operation, isGone);
}

function finish(wasOpen) {
  settle();
  if ($("steps")) $("steps").open = wasOpen;
  notify.send($("job-title").textContent);
  if (!$("log")?.contains(document.activeElement)) focus($("job-title"));
}

/** Shows the state that the server has now. */
async function look() {
  trouble = undefined;
  const found = await part(location.pathname).catch((problem) => {
    if (problem.code === "signed_out") trouble = problem.message;
    throw problem;
  });
  if (found.isRedirected) location.replace(found.url);
  const wasOver = isOver();
  const fresh = found.document.getElementById("job");
  const isOpen = Boolean(fresh.querySelector("#steps")?.open);
  document.title = found.document.title;
  morph(job, fresh);
  dress();
  if (!isOver()) showLost(isStreamLost);
  else if (!wasOver) finish(isOpen);
  return { last: Number(job.dataset.last), isOver: isOver() };
}

let timer, isLooking = false, isStale = false, lookedAt = 0, failures = 0;

async function run() {
  isLooking = true;
  isStale = false;
  try {
    await look();
    failures = 0;
  } catch {
    failures++;
    isStale = true;
    showLost(true);
  }
  isLooking = false;
  lookedAt = Date.now();
  if (isStale) refresh();
}

/** Refreshes the page soon, or at once; what comes meanwhile is gathered. */
function refresh(isUrgent = false) {
  isStale = true;
  if (isLooking) return;
  clearTimeout(timer);
  const gap = failures > 0 ? Math.min(15000, 1000 * 2 ** failures) : GAP_MS;
  timer = setTimeout(run, isUrgent ? 0 : Math.max(50, lookedAt + gap - Date.now()));
}

// The stream

const last = () => Number(job.dataset.last);

let drawing;

function take(kind, data, number) {
  if (kind === "log") {
    log.add(data.line);
    drawing ??= setTimeout(() => { drawing = undefined; log.draw(); }, 30);
  } else if (number > last()) {
    refresh(!["queued", "progress"].includes(kind));
  }
}

function lost(isLost) {
  isStreamLost = isLost;
  if (!isOver()) showLost(isLost);
}

// The owner's secrets

const HIDDEN = "••••••••";

function showPassword(password) {
  const isShown = password !== undefined;
  $("password").textContent = password ?? HIDDEN;
  $("password").closest(".value").classList.toggle("shown", isShown);
  const label = t(isShown ? "live.hide" : "live.show");
  const button = $("reveal");
  const [, value] = button.getAttribute("aria-label").split(": ");
  button.textContent = label;
  button.setAttribute("aria-label", `${label}: ${value}`);
}

async function readPassword() {
  const shown = $("password").textContent;
  if (shown !== HIDDEN) return shown;
  try {
    const path = `/api/stack/${encodeURIComponent(name)}/password`;
    return (await call(path, { method: "POST", body: { action: "reveal" } })).password;
  } catch {
    return $("reveal").click(); // the same again, which shows why it fails
  }
}

async function addQr(place, id) {
  const { picture } = await import("./qr.js");
  place.querySelector(".qr")?.remove();
  place.append(picture($(id).textContent));
}

async function showKey() {
  try {
    const { ownerKey } = await call("/api/owner/reveal", { method: "POST" });
    $("owner-key").textContent = ownerKey;
    const file = new Blob([`${location.origin}\n${name}\n${ownerKey}\n`], { type: "text/plain" });
    $("key-download").href = URL.createObjectURL(file);
    $("key-download").download = `${name}-key.txt`;
    $("key-row").hidden = $("key-qr").hidden = false;
    $("key-show").hidden = true;
  } catch (problem) {
    $("key-problem").textContent = problem.message;
  }
}

async function makeLink(button) {
  button.disabled = true;
  $("moved").hidden = false;
  try {
    const { link } = await call("/api/owner/link", { method: "POST" });
    $("move-link").textContent = new URL(link, location.origin).href;
    await addQr($("moved"), "move-link");
  } catch (problem) {
    $("moved").replaceChildren(h("p", { class: "notice bad" }, problem.message));
  }
  button.disabled = false;
}

document.addEventListener("click", (event) => {
  const { target } = event;
  if (target.id === "move") makeLink(target);
  if (target.id === "key-show") showKey();
  if (target.id === "again" && "retry" in target.dataset) memory.saveRetryName(name);
  if (target.id === "reveal" && $("password").textContent !== HIDDEN) {
    event.preventDefault();
    showPassword();
  }
});
document.addEventListener("toggle", ({ target }) => {
  const { qr } = target.dataset ?? {};
  if (qr && target.open && !target.querySelector(".qr")) addQr(target, qr);
}, true);

// Start

enableCopying((id) => (id === "password" ? readPassword() : $(id).textContent));
prepareForms = enableForms({
  answered({ password, deploymentId }) {
    if (password) showPassword(password);
    else if (deploymentId === operation) refresh(true); // it is being cancelled
    else return false;
    return true;
  },
});
dress();
setInterval(tick, 1000);
if (cameFromHere()) focus($("job-title"));
if ("gone" in job.dataset) memory.ended(location.pathname.split("/").pop(), false);
if (operation) {
  if (isOver()) settle();
  else notify.offer();
  log.start();
  follow(operation, { event: take, lost, look });
}
addEventListener("online", () => { if (failures > 0) refresh(true); });
// It may have changed in another tab, or while the browser kept this page to go back to.
addEventListener("pageshow", ({ persisted }) => { if (persisted) refresh(true); });
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && isOver() && !job.querySelector(".shown")) refresh(true);
});
