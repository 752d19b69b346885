// Forms that the server renders are sent in the background, as JSON; questions open in place.
import { call } from "./api.js";
import { h } from "./dom.js";
import * as memory from "./memory.js";
import { clean } from "./text.js";

function complain(form, text) {
  const alert = form.querySelector("[role=alert]") ?? form.appendChild(h("p", { role: "alert" }));
  alert.className = "wrong";
  alert.textContent = text;
}

// The name that has to be typed before a deletion.
function isConfirmed(form) {
  const input = form.querySelector("input[pattern]");
  if (!input) return true;
  input.value = clean(input.value).toLowerCase();
  if (input.checkValidity()) return true;
  complain(form, input.title);
  input.focus();
  return false;
}

async function send(form, button, { answered }) {
  if (!isConfirmed(form)) return;
  const path = form.getAttribute("action");
  const name = path.match(/^\/api\/stack\/([^/]+)/)?.[1];
  const { csrf: _, ...body } = Object.fromEntries(new FormData(form));
  button.disabled = true;
  try {
    const answer = await call(path, { method: "POST", body });
    if (answered?.(answer)) return;
    if (path.endsWith("/leave")) memory.forget();
    if (!answer.deploymentId) return location.reload(); // another key, or none
    memory.begun(name, answer.deploymentId);
    location.assign(`/deployment/${answer.deploymentId}`);
  } catch (problem) {
    complain(form, problem.message);
  } finally {
    button.disabled = false;
  }
}

function close(question) {
  question.open = false;
  question.querySelector("summary").focus();
}

/**
 * Takes over the forms of the page. `answered(answer)` returns true for an answer that it has dealt
 * with, any other one opens the page of the operation that has begun. Returns a function to call
 * when forms were added.
 */
export function enableForms(options = {}) {
  const prepare = () => document.querySelectorAll("form[method=post]").forEach((form) => {
    form.noValidate = true; // the messages here are better than the browser's
  });
  prepare();
  document.addEventListener("submit", (event) => {
    if (event.target.id === "form" || event.target.method !== "post") return;
    event.preventDefault();
    send(event.target, event.submitter, options);
  });
  document.addEventListener("toggle", ({ target }) => {
    if (!target.matches?.(".question[open]")) return;
    target.querySelector("input[pattern], form button").focus();
  }, true);
  document.addEventListener("keydown", (event) => {
    const question = event.key === "Escape" && event.target.closest?.(".question[open]");
    if (question) close(question);
  });
  document.addEventListener("click", ({ target }) => {
    if (target.matches?.("[data-close]")) close(target.closest(".question"));
  });
  return prepare;
}

// A browser that has only the key that version 0.1 stored gets its cookie from it. The key stays
// until the cookie has come back: it may be all that the browser has.
async function enterOldKey(key) {
  const isVisitor = async () => (await call("/api/owner")).kind === "visitor";
  const wasVisitor = await isVisitor();
  if (wasVisitor) await call("/api/owner/enter", { method: "POST", body: { key } });
  if (wasVisitor && await isVisitor()) return;
  memory.dropOldKeys();
  if (wasVisitor) location.reload();
}
if (memory.oldKey()) enterOldKey(memory.oldKey()).catch(() => {});
else memory.dropOldKeys();
