// The admin's page, made live. The server writes every page whole; when its feed says that something of a kind changed which this page shows,
// the page asks for itself again and puts what is new into #live. What is picked, opened and focused stays so.
const $ = (id) => document.getElementById(id);
const live = $("live");
const language = document.documentElement.lang;
const texts = JSON.parse($("texts").textContent);
const t = (key, args = {}) => (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => args[name] ?? whole);
const locale = language === "ar" ? "ar-u-nu-latn" : language; // the server writes 1, 2, 3 in every language
const number = new Intl.NumberFormat(locale);
// Not dateStyle: its medium writes months as numbers in some languages.
const moment = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit" });

// Times as the reader's language and place write them; the whole of it for who points at one.
function tellTimes(place) {
  for (const time of place.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    time.removeAttribute("dir");
    time.textContent = moment.format(at);
    time.title = at.toISOString();
  }
}

// Picking ------------------------------------------------------------------------------------------------------------------

const picks = (place = document) => [...place.querySelectorAll(".pick")];

function countPicked() {
  const bar = $("picked");
  if (!bar) return;
  const all = picks(), count = all.filter((box) => box.checked).length;
  bar.classList.toggle("some", count > 0);
  $("picked-count").textContent = t("admin.live.picked", { count: number.format(count) });
  for (const button of bar.querySelectorAll("button[name=act]")) button.disabled = count === 0;
  const every = $("pick-all");
  if (!every) return;
  every.checked = count > 0 && count === all.length;
  every.indeterminate = count > 0 && count < all.length;
}

// The box that picks all stands in the table's head; it is of no use without this script.
function addPickAll(place) {
  const head = place.querySelector("thead .tight");
  if (!head || picks(place).length === 0) return;
  const box = Object.assign(document.createElement("input"), { type: "checkbox", id: "pick-all", className: "pick-all" });
  box.setAttribute("aria-label", t("admin.live.all"));
  head.replaceChildren(box);
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "pick-all") for (const box of picks()) box.checked = target.checked;
  if (target.matches(".pick, .pick-all")) countPicked();
  if (target.matches(".search select")) search(target.form);
});

// Looking again ------------------------------------------------------------------------------------------------------------

const picked = new Set();

function keep(fresh) {
  picked.clear();
  for (const box of picks(live)) if (box.checked) picked.add(box.name);
  for (const box of picks(fresh)) box.checked = picked.has(box.name);
  for (const open of live.querySelectorAll("tr[id] details[open]")) {
    const same = fresh.querySelector(`#${CSS.escape(open.closest("tr").id)} details`);
    if (same) same.open = true;
  }
}

// Where the focus is, as a way to the same place in what is new.
function focused() {
  const at = document.activeElement;
  if (!live.contains(at)) return () => {};
  const row = at.closest("tr[id]");
  const among = (place) => [...place.querySelectorAll("a, button, input, summary")];
  const place = row ?? live, index = among(place).indexOf(at);
  return () => among(row ? $(row.id) ?? live : live)[index]?.focus({ preventScroll: true });
}

let before = live.innerHTML;

function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  const fresh = page.getElementById("live");
  if (!fresh) return location.reload(); // no longer logged in, or an error: the server says what
  live.dataset.after = fresh.dataset.after;
  if (fresh.innerHTML === before) return;
  before = fresh.innerHTML;
  dress(fresh);
  keep(fresh);
  const focus = focused();
  live.replaceChildren(...fresh.childNodes);
  focus();
  countPicked();
}

function dress(place) {
  tellTimes(place);
  addPickAll(place);
}

let asking, again = false;

// Asks for this page once more; while an answer is on its way, a wish for another waits. The last answer wins.
async function look() {
  if (asking) { again = true; return; }
  asking = new AbortController();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", signal: asking.signal });
    if (answer.redirected && new URL(answer.url).pathname === "/admin/login") return location.assign(answer.url);
    show(await answer.text());
    if (source?.readyState === EventSource.OPEN) lost(false);
  } catch (error) {
    if (error.name !== "AbortError") lost(true);
  } finally {
    asking = undefined;
    if (again) { again = false; soon(); }
  }
}

const PAUSE = 400; // milliseconds in which changes are gathered
let timer;
function soon(wait = PAUSE) {
  timer ??= setTimeout(() => { timer = undefined; look(); }, wait);
}

// The feed -----------------------------------------------------------------------------------------------------------------

const kinds = live.dataset.kinds.split(" ").filter(Boolean);
const GRACE = 3000; // milliseconds until a lost stream is worth a word
let source, grace, tries = 0;

function lost(yes) {
  $("link").textContent = yes ? t("admin.live.lost") : "";
}

function listen() {
  source = new EventSource(`/api/admin/events?after=${live.dataset.after}`);
  source.onopen = () => { tries = 0; clearTimeout(grace); grace = undefined; lost(false); };
  source.onerror = () => {
    grace ??= setTimeout(() => lost(true), GRACE);
    if (source.readyState === EventSource.CLOSED) setTimeout(come, Math.min(15000, 1000 * 2 ** tries++));
  };
  source.addEventListener("changed", (message) => {
    const { kind } = JSON.parse(message.data);
    live.dataset.after = message.lastEventId;
    if (kind === "all" || kinds.includes(kind)) soon();
  });
  source.addEventListener("over", () => { source.close(); location.reload(); });
}

// After the stream was refused, or a sleep: see what there is to see, then listen again.
function come() {
  source.close();
  look();
  listen();
}

if (kinds.length > 0) {
  listen();
  addEventListener("online", come);
  addEventListener("offline", () => lost(true)); // the stream may not notice for long
  document.addEventListener("visibilitychange", () => { if (!document.hidden) come(); }); // a sleep may have cut it unnoticed
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) come(); });
}

// Searching while typing ---------------------------------------------------------------------------------------------------

const WAIT = 250;
let typing;

function search(form) {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  history.replaceState(null, "", `${form.getAttribute("action")}${query.size > 0 ? "?" : ""}${query}`);
  asking?.abort();
  again = asking !== undefined;
  if (!asking) look();
}

document.querySelector(".search input[type=search]")?.addEventListener("input", ({ target }) => {
  clearTimeout(typing);
  typing = setTimeout(() => search(target.form), WAIT);
});

// A secret that was just made ------------------------------------------------------------------------------------------------

const secret = $("secret");
if (secret) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "small", textContent: t("admin.live.copy") });
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(secret); // plain http has no clipboard: then it is selected, ready for the keys
    await navigator.clipboard?.writeText(secret.textContent);
    $("say").textContent = button.textContent = t("admin.live.copied");
  });
  secret.after(button);
}

tellTimes(document);
addPickAll(live);
countPicked();
