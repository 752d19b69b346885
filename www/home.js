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
  if (/^name_(taken|resting|invalid|reserved)$/.test(problem.code)) {
    name.judge(wanted, { available: false, detail: problem.message });
    name.ask(); // for suggestions
    return $("name").focus();
  }
  if (problem.code.startsWith("invite_")) {
    $("invite")?.setAttribute("aria-invalid", "true");
    $("invite")?.focus();
  }
  const detail = problem.status === 0 ? t("live.unreachable.deploy") : problem.message;
  $("problem").replaceChildren(h("strong", {}, problem.title), h("p", {}, detail));
  $("problem").hidden = false;
  markParameter(problem.field);
}

// Without its cookie a browser cannot come back: the key is shown, this once.
async function hasKept(key) {
  const { kind } = key ? await call("/api/owner").catch(() => ({})) : {};
  return kind !== "visitor";
}

function showKey(key, path) {
  $("problem").replaceChildren(h("strong", {}, t("live.cookie.title")),
    h("p", {}, t("live.cookie.detail")),
    h("p", {}, h("bdi", { class: "mono", translate: "no" }, key)),
    h("p", {}, h("a", { class: "button", href: path }, t("live.cookie.go"))));
  $("problem").hidden = false;
}

// What the chosen template asks for: { repository: "https://...", ... }.
function parameters(template) {
  const fields = [...document.querySelectorAll(".parameters")]
    .find(({ dataset }) => !template || dataset.template === template);
  const given = {};
  for (const field of fields?.querySelectorAll("[name]") ?? []) {
    const id = field.name.split(".").pop();
    if (field.type === "checkbox") given[id] = field.checked;
    else if (field.type === "number" && field.value) given[id] = field.valueAsNumber;
    else if (field.value) given[id] = field.value;
    field.removeAttribute("aria-invalid");
  }
  return fields ? given : undefined;
}

function markParameter(path) {
  const [, id] = path?.match(/^parameters[.](.+)$/) ?? [];
  const template = new FormData($("form")).get("template");
  const field = id && [...document.querySelectorAll(".parameters [name]")].find(({ name: it }) => (
    it.endsWith(`.${id}`) && (!template || it.startsWith(`parameters.${template}.`))));
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
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
    const body = {
      name: wanted, template, invite: clean(invite ?? "") || undefined,
      parameters: parameters(template),
    };
    const answer = await deploy(body, memory.attempt(wanted));
    const { name: given, deploymentId: id, ownerKey: key } = answer;
    memory.attemptAnswered();
    const path = `/deployment/${id}`;
    if (!(await hasKept(key))) return showKey(key, path);
    memory.remember({ name: given, id, open: true });
    location.assign(path);
  } catch (problem) {
    if (problem.status >= 400 && problem.status < 500) memory.attemptAnswered();
    refuse(wanted, problem);
    showBusy(false);
  }
}

// The lists

// The queue's length and the workspaces may have changed since the page was loaded.
async function refresh() {
  const { document: found } = await part("/").catch(() => ({}));
  if (!found) return;
  morph($("wait"), found.getElementById("wait"));
  morph($("lists"), found.getElementById("lists"));
  writeTimes($("lists"));
}

// Start

function start() {
  const open = memory.unfinished();
  if (open && !cameFromHere()) return location.replace(`/deployment/${open.id}`);
  name.start();
  enableCopying();
  enableForms();
  writeTimes($("lists"));
  $("form").noValidate = true; // the messages here are better than the browser's
  $("form").addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
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
