// A notification when an operation ends, for visitors who asked for one and look elsewhere.
import { $ } from "./dom.js";
import { t } from "./text.js";

const isPossible = "Notification" in window && isSecureContext;
const STORAGE_KEY = "notify"; // in the tab's session storage, so a reload keeps it
let isWanted = false;

function want() {
  isWanted = true;
  try { sessionStorage.setItem(STORAGE_KEY, "yes"); } catch { /* until a reload */ }
  $("notify").hidden = true;
  $("notify-note").textContent = t("live.notify.on");
}

function wasWanted() {
  try { return sessionStorage.getItem(STORAGE_KEY) === "yes"; } catch { return false; }
}

async function ask() {
  if ((await Notification.requestPermission()) === "granted") want();
  else $("notify-row").hidden = true;
}

/** Offers the notification on the page of an operation that still runs. */
export function offer() {
  if (!$("notify-row") || !isPossible || Notification.permission === "denied") return;
  $("notify-row").hidden = false;
  $("notify").addEventListener("click", ask);
  if (Notification.permission === "granted" && wasWanted()) want();
}

export function send(text) {
  if (!isWanted || document.hasFocus()) return;
  try {
    const options = {
      body: t("live.title"), tag: location.pathname, lang: document.documentElement.lang,
    };
    const notification = new Notification(text, options);
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
  } catch { /* some phones only let service workers do this */ }
}
