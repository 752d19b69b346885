// The admin pages, live. The server renders them; when its stream of changes names a kind that this
// page shows, the page asks for itself again and morphs #live. What is selected, opened and focused
// stays.
import { $, enableCopying, morph, writeTimes } from "./dom.js";
import { number, t } from "./text.js";

const live = $("live");

// Selecting

const boxes = () => [...live.querySelectorAll(".pick")];

function countSelected() {
  const bar = $("picked");
  if (!bar) return;
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  bar.classList.toggle("some", count > 0);
  $("picked-count").textContent = t("admin.live.picked", { count: number(count) });
  for (const button of bar.querySelectorAll("button[name=act]")) button.disabled = count === 0;
  const every = $("pick-all");
  if (!every) return;
  every.checked = count > 0 && count === all.length;
  every.indeterminate = count > 0 && count < all.length;
}

// The box that selects all rows is of no use without this script.
function addSelectAll(root) {
  const head = root.querySelector("thead .tight");
  if (!head || !root.querySelector(".pick")) return;
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", id: "pick-all", className: "pick-all" });
  box.setAttribute("aria-label", t("admin.live.all"));
  head.replaceChildren(box);
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "pick-all") for (const box of boxes()) box.checked = target.checked;
  if (target.matches(".pick, .pick-all")) countSelected();
  if (target.matches(".search select")) search(target.form);
});

// Refreshing

const GATHER_MS = 400; // changes within this time cause one refresh
let request, timer, isStale = false;

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("live");
  if (!fresh) return location.reload(); // an error, or a log-in proxy: the answer says what
  writeTimes(fresh);
  addSelectAll(fresh);
  morph(live, fresh);
  countSelected();
}

// While an answer is on its way, one more refresh can wait; the last answer wins.
async function refresh() {
  if (request) {
    isStale = true;
    return;
  }
  request = new AbortController();
  try {
    const options = { cache: "no-store", signal: request.signal };
    const answer = await fetch(location.href, options);
    if (answer.redirected) return location.assign(answer.url); // logged out, or in
    show(await answer.text());
    if (source?.readyState === EventSource.OPEN) showLost(false);
  } catch (error) {
    if (error.name === "AbortError") return;
    // A log-in proxy's redirect to another host fails like a lost network.
    const { type } = await fetch(location.href, { redirect: "manual" }).catch(() => ({}));
    if (type === "opaqueredirect") location.reload();
    else showLost(true);
  } finally {
    request = undefined;
    if (isStale) refreshSoon();
    isStale = false;
  }
}

function refreshSoon() {
  timer ??= setTimeout(() => {
    timer = undefined;
    refresh();
  }, GATHER_MS);
}

// The stream of changes

const kinds = live.dataset.kinds.split(" ").filter(Boolean);
const GRACE_MS = 3000; // a stream that is back sooner was never lost
let source, graceTimer, tries = 0;

function showLost(isLost) {
  $("link").textContent = isLost ? t("admin.live.lost") : "";
}

function listen() {
  source = new EventSource(`/api/admin/events?after=${live.dataset.after}`);
  source.onopen = () => {
    tries = 0;
    clearTimeout(graceTimer);
    graceTimer = undefined;
    showLost(false);
  };
  source.onerror = () => {
    graceTimer ??= setTimeout(() => showLost(true), GRACE_MS);
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(restart, Math.min(15000, 1000 * 2 ** tries++));
  };
  source.addEventListener("changed", (message) => {
    const { kind } = JSON.parse(message.data);
    live.dataset.after = message.lastEventId;
    if (kind === "all" || kinds.includes(kind)) refreshSoon();
  });
  source.addEventListener("over", () => {
    source.close();
    location.reload();
  });
}

// Browsers open six connections to a host: a hidden tab leaves its own to the others.
function restart() {
  source?.close();
  if (document.hidden) return;
  refresh();
  listen();
}

if (kinds.length > 0) {
  if (!document.hidden) listen();
  addEventListener("online", restart);
  addEventListener("offline", () => showLost(true)); // the stream may notice much later
  document.addEventListener("visibilitychange", restart);
  addEventListener("pagehide", () => source?.close());
}
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) (kinds.length > 0 ? restart : refresh)();
});

// Searching while typing

const PAUSE_MS = 250;
let typing;

function search(form) {
  const fields = [...new FormData(form)].filter(([, value]) => value !== "");
  const query = String(new URLSearchParams(fields));
  const path = form.getAttribute("action");
  history.replaceState(null, "", query ? `${path}?${query}` : path);
  if (request) {
    isStale = true;
    request.abort();
  } else {
    refresh();
  }
}

document.querySelector(".search input[type=search]")?.addEventListener("input", ({ target }) => {
  clearTimeout(typing);
  typing = setTimeout(() => search(target.form), PAUSE_MS);
});

// Start

enableCopying();
writeTimes(document);
addSelectAll(live);
countSelected();
