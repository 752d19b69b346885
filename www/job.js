// An operation as it happens: its steps, its log, its end.
import { cancel, now, status } from "./api.js";
import { $, code, focus, h, icon, place, say, show } from "./dom.js";
import { ENDS, follow } from "./follow.js";
import * as log from "./log.js";
import * as memory from "./memory.js";
import * as notify from "./notify.js";
import { outcome } from "./outcome.js";
import { leave } from "./stack.js";
import { address, duration, number, percent, t } from "./text.js";

const BUSY = new Set(["running", "waiting", "undoing"]);
const ICONS = { done: "done", failed: "bad", undone: "undo" };
const STEP_STATES = {
  pending: "page.step.pending", skipped: "page.step.skipped", stopped: "page.step.stopped", waiting: "page.step.waiting", running: "page.step.running", done: "page.step.done",
  failed: "page.step.failed", undoing: "page.step.undoing", undone: "page.step.undone",
};
const TITLES = {
  queued: "page.job.running", running: "page.job.running", rolling_back: "page.job.rolling_back", deleting: "page.job.deleting",
  stopping: "page.job.stopping", starting: "page.job.starting", restarting: "page.job.restarting", rotating: "page.job.rotating",
  redeploying: "page.job.redeploying",
  stopped: "page.job.stopped", ready: "page.job.ready", failed: "page.job.failed", cancelled: "page.job.cancelled", deleted: "page.job.deleted",
};
const PURGE = { deleting: "page.job.purging", deleted: "page.job.purged" }; // files alone
const FAILED = { deploy: "page.job.failed", delete: "page.delete.failed" };
const QUEUE_PATIENCE = 700; // milliseconds; a turn that comes sooner was no queue
let job, drawing;

/** Shows an operation and follows it. `seed` is what is known already: name, url, live. */
export function open(id, seed = {}) {
  close();
  const mine = (job = { id, kind: "deploy", state: "queued", steps: new Map(), percent: 0, ...memory.byId(id), ...seed });
  job.createdAt = seed.live ? now() : undefined;
  log.clear();
  for (const part of ["lost", "pace", "steps", "log", "cancel-row", "notify-row"]) show($(part), part === "pace");
  for (const part of ["outcome", "step-list", "now", "cancel-note"]) $(part).replaceChildren();
  $("steps").open = true;
  $("log").open = false;
  job.timer = setInterval(tick, 1000);
  draw();
  begin(mine);
}

async function begin(mine) {
  for (let tries = 0; mine === job; tries++) {
    try {
      const found = await status(mine.id);
      if (mine === job) learn(found);
      break;
    } catch (problem) {
      if (mine !== job) return;
      if (problem.status === 404) return gone();
      show($("lost"), true);
      await new Promise((resolve) => setTimeout(resolve, Math.min(15000, 1000 * 2 ** tries)));
    }
  }
  if (mine !== job) return;
  const event = (kind, data, number) => mine === job && take(kind, data, number);
  job.stop = follow(job.id, { event, lost: (yes) => lost(mine, yes), gone });
}

export function close() {
  leave();
  job?.stop?.();
  clearInterval(job?.timer);
  job = undefined;
}

function lost(mine, yes) {
  if (mine !== job || (!yes && $("lost").hidden)) return;
  show($("lost"), yes && !job.end);
  say(yes ? t("page.lost") : "");
}

function gone() {
  const name = job?.name;
  const id = job?.id;
  close();
  if (name && memory.byName(name)?.id === id) memory.update(name, { open: false });
  for (const part of ["lost", "pace", "steps", "log", "cancel-row", "notify-row"]) show($(part), false);
  $("job-title").textContent = t("page.job.gone");
  $("job-address").textContent = "";
  $("outcome").replaceChildren(h("p", {}, t("page.job.gone.detail")));
  document.title = t("page.title");
}

// The state as one document: what the stream, read from its start, will fill in.
function learn(found) {
  const { kind, name, url = job.url, state, percent: reached = 0 } = found;
  Object.assign(job, { kind, name, url, state, percent: reached });
  job.createdAt = Date.parse(found.createdAt) || job.createdAt;
  job.endedAt = Date.parse(found.endedAt) || undefined;
  job.live ??= !ENDS.has(found.state);
  job.known = found.lastEventId ?? 0;
  for (const step of found.steps ?? []) {
    const { title, state, startedAt, endedAt } = step;
    job.steps.set(step.step, { title, state, startedAt: Date.parse(startedAt), endedAt: Date.parse(endedAt) });
  }
  if (ENDS.has(found.state) && found.result) finish(found.state, found.result);
  draw();
}

function take(kind, data, number) {
  const at = Date.parse(data.at) || now();
  if (kind === "log") log.add(data.line);
  else if (number <= job.known && kind === "progress") recall(data);
  else if (kind === "queued" && number <= job.known && job.state !== "queued") return;
  else if (kind === "queued") Object.assign(job, { state: "queued", queue: data, queuedAt: job.queuedAt ?? performance.now() });
  else if (kind === "progress") progress(data, at);
  else if (!job.end) finish(kind, data, at);
  later();
}

// Of what was known already only the last words of a step are new, and whether it is being taken back.
function recall(data) {
  const step = job.steps.get(data.step);
  if (step) Object.assign(step, { detail: data.detail, back: step.back || data.state === "undoing" });
}

function progress(data, at) {
  const step = job.steps.get(data.step) ?? {};
  const fresh = step.state !== data.state;
  job.steps.set(data.step, {
    ...step, title: data.title ?? step.title, state: data.state, detail: data.detail,
    startedAt: step.startedAt || at, endedAt: ["done", "undone"].includes(data.state) ? at : undefined,
    back: step.back || data.state === "undoing",
  });
  job.queue = undefined;
  job.percent = data.percent ?? job.percent;
  if (data.state === "undoing" && job.kind === "deploy") job.state = "rolling_back"; // a delete does nothing else
  else if (job.state === "queued") job.state = job.kind === "delete" ? "deleting" : "running";
  if (fresh && ["running", "undoing"].includes(data.state)) say(data.title);
}

function finish(kind, data, at) {
  Object.assign(job, { state: kind, end: data, endedAt: job.endedAt ?? at });
  memory.settle(job.id, { ...data, name: job.name, kind: job.kind, state: kind });
  draw();
  say("");
  show($("lost"), false);
  $("steps").open = kind === "failed";
  outcome($("outcome"), job);
  if (job.live) notify.tell(t(titleKey(), { name: job.name }));
  if (job.live && !$("log").contains(document.activeElement)) focus($("job-title"));
}

function later() {
  drawing ??= setTimeout(() => { drawing = undefined; if (job) draw(); }, 30);
}

function draw() {
  drawTitle();
  drawPace();
  drawSteps();
  log.draw();
  const mayCancel = job.kind === "deploy" && !job.end && Boolean(memory.byName(job.name)?.key);
  show($("cancel-row"), mayCancel);
  show($("cancel"), job.state !== "rolling_back");
  notify.offer(!job.end && job.state !== "rolling_back");
}

function titleKey() {
  if (job.state === "failed") return FAILED[job.kind] ?? "page.work.failed";
  return (job.kind === "purge" && PURGE[job.state]) || TITLES[job.state] || TITLES.running;
}

function drawTitle() {
  const name = job.name ?? "…";
  const title = t(titleKey(), { name });
  if ($("job-title").textContent !== title) $("job-title").textContent = title;
  $("job").className = job.end ? job.state : "working";
  drawAddress();
  document.title = job.end ? `${title} · ${t("page.title")}` : `${percent(job.percent)} · ${title}`;
}

function drawAddress() {
  const shown = !job.end && job.name ? job.url ?? address(job.name) : "";
  if ($("job-address").textContent !== shown) $("job-address").replaceWith(shown ? place(shown, job.name, "job-address") : code("", "job-address"));
}

function queueText() {
  if (!job.queue || performance.now() - job.queuedAt < QUEUE_PATIENCE) return "";
  const place = t("page.queue.position", { position: number(job.queue.position) });
  return job.queue.etaSeconds ? `${place} ${t("page.queue.eta", { time: duration(job.queue.etaSeconds, "long") })}` : place;
}

function drawPace() {
  show($("pace"), !job.end);
  if (job.percent > 0 || ["deploy", "delete"].includes(job.kind)) $("bar").value = job.percent;
  else $("bar").removeAttribute("value"); // how far it is, nobody knows
  write($("percent"), ["running", "deleting"].includes(job.state) ? percent(job.percent) : "");
  tick();
}

function drawQueue() {
  const text = queueText();
  if (text && text !== $("now").textContent) say(text);
  write($("now"), text);
}

function stepItem(step) {
  const part = (name) => h("span", { class: name });
  const item = h("li", {}, part("mark"), h("div", {}, part("name"), " ", part("unseen"), part("detail")), h("time", {}));
  $("step-list").append(item);
  step.item = item;
  return item;
}

function write(element, text = "") {
  if (element.textContent !== text) element.textContent = text;
}

// Once all has ended, the step that failed is the one to look at. Before that, while all is taken back, no step goes forward any more.
function stateOf(key, step) {
  if (job.state === "failed" && key === job.end.step) return "failed";
  const back = job.state === "rolling_back";
  if (step.state === "pending" && (job.end || back)) return "skipped";
  if (job.end ? BUSY.has(step.state) : back && !step.back && BUSY.has(step.state)) return "stopped"; // taking back may wait, too
  return job.kind === "deploy" && job.end?.rolledBack && step.state === "done" ? "undone" : step.state; // some steps leave nothing to undo
}

function drawStep(key, step) {
  const item = step.item ?? stepItem(step);
  const state = stateOf(key, step);
  if (item.className !== state) {
    item.className = state;
    item.dataset.step = key;
    item.querySelector(".mark").replaceChildren(...(ICONS[state] ? [icon(ICONS[state])] : []));
    write(item.querySelector(".unseen"), `(${STEP_STATES[state] ? t(STEP_STATES[state]) : state})`);
  }
  write(item.querySelector(".name"), step.title);
  write(item.querySelector(".detail"), BUSY.has(state) ? step.detail : "");
}

function drawSteps() {
  for (const [key, step] of job.steps) drawStep(key, step);
  show($("steps"), job.steps.size > 0);
}

const sinceText = (start, end) => (start ? duration(((end ?? now()) - start) / 1000) : "");

// Once a second: the times that run.
function tick() {
  if (!job) return;
  write($("elapsed"), sinceText(job.createdAt, job.endedAt));
  for (const step of job.steps.values()) {
    if (!step.item) continue;
    const end = step.endedAt || (step.item.className !== "stopped" && job.endedAt);
    write(step.item.querySelector("time"), end || BUSY.has(step.item.className) ? sinceText(step.startedAt, end) : "");
  }
  drawQueue();
}

async function askCancel() {
  const mine = job;
  $("cancel").disabled = true;
  try {
    await cancel(mine.id, memory.byName(mine.name)?.key);
    if (mine !== job || job.end) return;
    job.state = "rolling_back";
    $("cancel-note").textContent = t("page.cancel.going");
    draw();
    focus($("job-title"));
  } catch (problem) {
    if (mine === job) $("cancel-note").textContent = problem.message;
  } finally {
    $("cancel").disabled = false;
  }
}

export function start() {
  log.start();
  notify.start();
  $("cancel").addEventListener("click", askCancel);
}
