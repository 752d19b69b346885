// How an operation ended, and what can be done now.
import { code, copyButton, h, icon } from "./dom.js";
import * as stack from "./stack.js";
import { t } from "./text.js";
import { go } from "./view.js";

const DATA = { kept: "page.deleted.kept", deleted: "page.deleted.gone", left: "page.deleted.left" };

function leftovers(end) {
  if (!end.leftovers?.length) return null;
  const told = ({ kind, id, detail = "" }) => h("li", {}, `${detail} `, detail.includes(id) ? null : code(`${kind} ${id}`));
  return h("ul", { class: "leftovers" }, end.leftovers.map(told));
}

function cleaned(end) {
  const whole = end.rolledBack !== false;
  const text = whole ? t("page.clean") : t("page.left");
  return [h("p", { class: whole ? "cleaned" : "cleaned wrong" }, icon(whole ? "done" : "bad"), h("span", {}, text)), leftovers(end)];
}

const again = (text, onclick) => h("p", { class: "row" }, h("button", { type: "button", class: "primary", id: "again", onclick }, text));

function support(job) {
  const text = [job.end.requestId, job.id].filter(Boolean).join(" ");
  return h("p", { class: "hush row" }, h("span", {}, t("page.support"), " ", code(text)), copyButton(t("page.support"), text));
}

// What is of use to whoever has to mend it.
function lastWords({ lastAnswer: answer, lastLog: lines }) {
  if (!answer && !lines?.length) return null;
  return h("details", { class: "last-words" }, h("summary", {}, t("page.failure.more")),
    answer && h("p", {}, answer.detail, " ", answer.message && code(answer.message)),
    lines?.length > 0 && h("pre", { dir: "ltr", class: "mono" }, lines.join("\n")));
}

function failed(job) {
  const retry = job.kind !== "deploy" ? () => go({ w: job.name }, { moved: true }) : () => go({}, { name: job.name, submit: true });
  return [
    h("div", { class: "notice bad" }, h("p", {}, h("strong", {}, job.end.detail)), job.end.cause && h("p", {}, job.end.cause),
      job.end.advice && h("p", {}, job.end.advice)),
    job.kind === "deploy" && cleaned(job.end), job.kind !== "deploy" && leftovers(job.end),
    again(t("page.again"), retry), lastWords(job.end), support(job),
  ];
}

const cancelled = (job) => [cleaned(job.end), again(t("page.again"), () => go({}, { name: job.name, moved: true }))];

function deleted(job) {
  const text = DATA[job.end.data];
  return [
    text && h("p", {}, t(text)), job.end.volume && h("p", { class: "hush" }, t("page.volume"), " ", code(job.end.volume)),
    again(t("page.new"), () => go({}, { moved: true })),
  ];
}

export function outcome(place, job) {
  if (job.state === "ready" || job.state === "stopped") return stack.card(place, { name: job.name, ...job.end, told: job.state });
  const parts = { failed, cancelled, deleted }[job.state](job);
  place.replaceChildren(...parts.flat().filter(Boolean));
}
