// A notification at the end of a deployment, for whoever asks for one and looks elsewhere by then.
import { $, show } from "./dom.js";
import { t } from "./text.js";

const possible = "Notification" in window && isSecureContext;
const WISH = "notify"; // outlives a reload, not the tab
let wanted = false;

function draw() {
  show($("notify"), !wanted);
  $("notify-note").textContent = wanted ? t("page.notify.on") : "";
}

/** Shows the offer while there is something to wait for. */
export function offer(waiting) {
  show($("notify-row"), waiting && possible && Notification.permission !== "denied");
}

export function tell(text) {
  if (!wanted || document.hasFocus()) return;
  try {
    const shown = new Notification(text, { body: t("page.title"), tag: location.pathname, lang: document.documentElement.lang });
    shown.onclick = () => { window.focus(); shown.close(); };
  } catch { /* some phones allow it to service workers only */ }
}

function remember(yes) {
  wanted = yes;
  try { sessionStorage.setItem(WISH, yes ? "yes" : ""); } catch { /* for this page's life only */ }
  draw();
}

function remembered() {
  try { return sessionStorage.getItem(WISH) === "yes"; } catch { return false; }
}

async function ask() {
  remember((await Notification.requestPermission()) === "granted");
  offer(true);
}

export function start() {
  if (possible && Notification.permission === "granted" && remembered()) remember(true);
  $("notify").addEventListener("click", ask);
}
