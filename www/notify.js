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

// Some phones let only service workers show notifications: there the constructor throws.
function works() {
  try {
    new Notification(t("live.title"), { silent: true }).close();
    return true;
  } catch {
    return false;
  }
}

// Where they may be shown, the one that is tried flashes up.
const isPhone = matchMedia("(hover: none)").matches;

async function ask() {
  if ((await Notification.requestPermission()) === "granted" && (!isPhone || works())) want();
  else $("notify-row").hidden = true;
}

/** Offers the notification on the page of an operation that still runs. */
export function offer() {
  if (!$("notify-row") || !isPossible || Notification.permission === "denied") return;
  if (Notification.permission === "default" && !works()) return; // shows nothing yet
  $("notify-row").hidden = false;
  $("notify").addEventListener("click", ask);
  if (Notification.permission === "granted" && wasWanted()) want();
}

export function send(text) {
  if (!isWanted || document.hasFocus()) return;
  const options = {
    body: t("live.title"), tag: location.pathname, lang: document.documentElement.lang,
  };
  const notification = new Notification(text, options);
  notification.onclick = () => {
    window.focus();
    notification.close();
  };
}
