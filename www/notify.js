// A notification at the end of a deployment, for whoever asks for one and looks elsewhere by then.
import { $, show } from "./dom.js";
import { t } from "./text.js";

const possible = "Notification" in window && isSecureContext;
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
  if (!wanted || !document.hidden) return;
  try {
    const shown = new Notification(text, { body: t("page.title"), tag: location.pathname, lang: document.documentElement.lang });
    shown.onclick = () => { window.focus(); shown.close(); };
  } catch { /* some phones allow it to service workers only */ }
}

async function ask() {
  wanted = (await Notification.requestPermission()) === "granted";
  draw();
  offer(true);
}

export function start() {
  $("notify").addEventListener("click", ask);
}
