// The page: a form that asks for a workspace, and the views that follow from it.
// text and dom ← api, memory, view ← follow, log, name, stack ← outcome, kept ← job, list ← this.
import { deploy } from "./api.js";
import { $, focus, h, show } from "./dom.js";
import * as job from "./job.js";
import * as list from "./list.js";
import * as memory from "./memory.js";
import * as name from "./name.js";
import * as stack from "./stack.js";
import { address, language, t } from "./text.js";
import * as view from "./view.js";

let sending = false;

function busy(yes) {
  sending = yes;
  $("deploy").textContent = t(yes ? "page.deploy.busy" : "page.deploy.button");
  $("deploy").setAttribute("aria-busy", String(yes));
}

function refuse(wanted, problem) {
  if (["name_taken", "name_invalid", "name_reserved"].includes(problem.code)) {
    name.judge(wanted, { available: false, detail: problem.message });
    name.ask(); // for its suggestions
    return $("name").focus();
  }
  if (problem.code?.startsWith("invite_")) {
    $("invite")?.setAttribute("aria-invalid", "true");
    $("invite")?.focus();
  }
  $("problem").replaceChildren(h("strong", {}, problem.title), h("p", {}, problem.message));
  show($("problem"), true);
}

// The owner's cookie says whose it will be. A browser that keeps none sends the key; one that this portal does not know, because it has
// been set up anew, must not stand in the way for ever.
async function ask(wanted) {
  const attempt = memory.attempt(wanted.name);
  const key = navigator.cookieEnabled ? undefined : memory.ownerKey();
  try {
    return await deploy(wanted, attempt, key);
  } catch (problem) {
    if (problem.code !== "key_invalid") throw problem;
    return deploy(wanted, attempt);
  }
}

/** What the form asks for beside the name: a template where there is a choice, an invite where one is needed. */
function chosen() {
  const { template, invite } = Object.fromEntries(new FormData($("form")));
  return { template, invite: invite?.trim() || undefined };
}

async function submit() {
  const wanted = name.current();
  if (sending) return;
  if (!wanted) name.missing();
  if (!wanted || name.isRefused()) return $("name").focus();
  show($("problem"), false);
  $("invite")?.removeAttribute("aria-invalid");
  busy(true);
  try {
    const made = await ask({ name: wanted, ...chosen() });
    memory.attemptAnswered();
    if (navigator.cookieEnabled) $("mine").dataset.owner = "";
    const { name: given, deploymentId: id, url, ownerKey: key } = made;
    memory.remember({ name: given, id, url, key, at: Date.now(), open: true });
    name.set("");
    view.go({ d: id }, { moved: true, seed: { name: given, url, live: true } });
  } catch (problem) {
    if (problem.status >= 400 && problem.status < 500) memory.attemptAnswered();
    refuse(wanted, problem);
  } finally {
    busy(false);
  }
}

// The page was loaded again before the portal had answered: the same attempt goes on.
function resume({ name: wanted }) {
  name.set(wanted);
  submit();
}

function home(shown, options) {
  if (shown === null) return;
  document.title = t("page.title");
  list.draw();
  if (options.moved) lookAtWait();
  if (options.name) name.set(options.name);
  if (options.submit) submit();
  else if (options.moved) focus($("name"));
}

function operation(id, { moved, seed }) {
  if (!id) return job.close();
  job.open(id, seed);
  if (moved) focus($("job-title"));
}

function workspace(wanted, { moved }) {
  if (!wanted) return;
  for (const part of ["lost", "pace", "steps", "log", "cancel-row", "notify-row"]) show($(part), false);
  for (const part of ["outcome", "job-address"]) $(part).replaceChildren();
  $("job").className = "workspace";
  $("job-title").textContent = t("page.stack.title", { name: wanted });
  document.title = `${wanted} · ${t("page.title")}`;
  stack.card($("outcome"), { name: wanted, url: memory.byName(wanted)?.url ?? address(wanted) });
  if (moved) focus($("job-title"));
}

// What stood there when the page was loaded may be long past.
async function lookAtWait() {
  const answer = await fetch("/", { headers: { "Accept-Language": language } }).catch(() => undefined);
  if (!answer?.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  $("wait").textContent = page.getElementById("wait").textContent;
}

function start() {
  name.start();
  stack.start();
  job.start();
  list.start();
  view.on("home", home);
  view.on("d", operation);
  view.on("w", workspace);
  view.start();
  $("form").noValidate = true; // the portal's own words are better
  $("form").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  if (navigator.cookieEnabled) history.replaceState(null, "", view.withoutLanguage()); // the choice is in a cookie by now
  const open = memory.unfinished();
  const plain = view.at()[0] === "home";
  const asked = plain && memory.unanswered();
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !$("home").hidden) lookAtWait(); });
  if (plain && open) view.go({ d: open.id }, { replace: true });
  else view.draw();
  if (asked) return resume(asked);
  if (plain && !open && matchMedia("(hover: hover)").matches) $("name").focus({ preventScroll: true });
}

start();
