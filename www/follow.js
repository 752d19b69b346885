// Follows an operation's event stream to its end. The work goes on at the server, so a lost stream
// is only a lost view: this gets it back, from the event after the last one seen.
import { language } from "./text.js";

const ENDS = new Set(["ready", "failed", "cancelled", "deleted", "stopped", "asleep"]);
const KINDS = ["queued", "progress", "log", ...ENDS];
const SILENCE_MS = 20000; // the server's heartbeat is invisible here; after this long we ask
const HIDDEN_MS = 10000; // how often a hidden tab asks
const GRACE_MS = 1200; // a stream that is back sooner was never lost

/**
 * @param {string} id  of the operation
 * @param {object} on  event(kind, data, number); lost(isLost); look(): asks the server for the
 *   state, resolves to { last, isOver }
 */
export function follow(id, on) {
  let source, retryTimer, graceTimer;
  let last = 0, tries = 0, heardAt = Date.now(), isOver = false;

  function open() {
    source?.close();
    const path = `/api/status/${encodeURIComponent(id)}`;
    source = new EventSource(`${path}?lang=${language}&after=${last}`);
    source.onopen = found;
    source.onerror = () => {
      missing();
      if (source.readyState === EventSource.CLOSED) retry(); // an error status, for instance
    };
    for (const kind of KINDS) source.addEventListener(kind, (message) => take(kind, message));
  }

  function take(kind, message) {
    const number = Number(message.lastEventId);
    if (isOver || number <= last) return;
    last = number;
    heardAt = Date.now();
    if (ENDS.has(kind)) stop();
    on.event(kind, JSON.parse(message.data), number);
  }

  function found() {
    tries = 0;
    heardAt = Date.now();
    clearTimeout(graceTimer);
    graceTimer = undefined;
    on.lost(false);
  }

  function missing() {
    if (!isOver) graceTimer ??= setTimeout(() => on.lost(true), GRACE_MS);
  }

  function retry() {
    if (isOver) return;
    clearTimeout(retryTimer);
    const wait = Math.min(15000, 500 * 2 ** tries++);
    retryTimer = setTimeout(check, wait * (0.5 + Math.random() / 2));
  }

  // Asks how things are, and gets the stream back if it is closed or has missed something.
  async function check() {
    heardAt = Date.now();
    try {
      const state = await on.look();
      if (isOver) return;
      if (state.isOver) stop();
      else if (document.hidden) found();
      else if (state.last > last || source.readyState === EventSource.CLOSED) open();
      else if (source.readyState === EventSource.OPEN) found();
    } catch {
      missing();
      retry();
    }
  }

  // Silence is quiet work, a proxy that buffers, or a connection that died unnoticed in a sleep.
  function listen() {
    if (Date.now() - heardAt >= (document.hidden ? HIDDEN_MS : SILENCE_MS)) check();
  }

  // Browsers open six connections to a host: a hidden tab leaves its own to the others.
  function nudge() {
    if (document.hidden) return source?.close();
    tries = 0;
    if (source?.readyState === EventSource.OPEN) check();
    else open();
  }

  function stop() {
    isOver = true;
    source?.close();
    clearTimeout(retryTimer);
    clearTimeout(graceTimer);
    clearInterval(timer);
    removeEventListener("online", nudge);
    removeEventListener("offline", missing);
    document.removeEventListener("visibilitychange", nudge);
  }

  const timer = setInterval(listen, SILENCE_MS / 4);
  addEventListener("online", nudge);
  addEventListener("offline", missing);
  document.addEventListener("visibilitychange", nudge);
  if (!document.hidden) open();
}
