// Follows an operation's event stream to its end. The work goes on at the server: a lost stream is only a lost view,
// and everything here is about getting it back, from the event after the last one seen.
import { status } from "./api.js";
import { language } from "./text.js";

const KINDS = ["queued", "progress", "log", "ready", "failed", "cancelled", "deleted", "stopped"];
export const ENDS = new Set(["ready", "failed", "cancelled", "deleted", "stopped"]);
const SILENCE = 20000; // the server's heartbeat is invisible here, so after this long we ask
const GRACE = 1200; // a stream that is back sooner was not worth a word

/** Calls on.event(kind, data, number), on.lost(boolean), on.gone(). Returns a function that stops it. */
export function follow(id, on) {
  let source, again, grace, last = 0, tries = 0, heard = Date.now(), over = false;

  function open() {
    clearTimeout(again);
    source?.close();
    source = new EventSource(`/api/status/${encodeURIComponent(id)}?lang=${language}&after=${last}`);
    source.onopen = found;
    source.onerror = () => { missing(); if (source.readyState === EventSource.CLOSED) later(); };
    for (const kind of KINDS) source.addEventListener(kind, (message) => take(kind, message));
  }

  function take(kind, message) {
    const number = Number(message.lastEventId);
    if (over || number <= last) return;
    last = number;
    heard = Date.now();
    if (ENDS.has(kind)) stop();
    on.event(kind, JSON.parse(message.data), number);
  }

  function found() {
    tries = 0;
    heard = Date.now();
    clearTimeout(grace);
    grace = undefined;
    on.lost(false);
  }

  // The stream is lost, or the network is.
  function missing() {
    if (!over) grace ??= setTimeout(() => on.lost(true), GRACE);
  }

  // The browser gave up (an error status, say): ask why, then try again, ever more slowly.
  function later() {
    if (over) return;
    clearTimeout(again);
    const wait = Math.min(15000, 500 * 2 ** tries++);
    again = setTimeout(ask, wait * (0.5 + Math.random() / 2));
  }

  async function ask() {
    try {
      const { state, result } = await status(id);
      if (over) return;
      if (!ENDS.has(state) || !result) return open();
      stop(); // it ended meanwhile, and there is nothing left to stream
      on.event(state, result);
    } catch (problem) {
      if (over) return;
      if (problem.status !== 404) return later();
      stop();
      on.gone();
    }
  }

  // Silence: quiet work, a proxy that holds everything back, or a connection that died unnoticed in a sleep?
  async function listen() {
    if (over || Date.now() - heard < SILENCE) return;
    heard = Date.now();
    try {
      const { lastEventId } = await status(id);
      if (over) return;
      if (lastEventId > last) open();
      else if (source.readyState === EventSource.OPEN) found();
    } catch {
      missing();
      open();
    }
  }

  function nudge() {
    if (document.hidden || over) return;
    if (source.readyState === EventSource.OPEN) heard -= SILENCE, listen();
    else tries = 0, open();
  }

  function stop() {
    over = true;
    source?.close();
    clearTimeout(again);
    clearTimeout(grace);
    clearInterval(watch);
    removeEventListener("online", nudge);
    removeEventListener("offline", missing);
    document.removeEventListener("visibilitychange", nudge);
  }

  const watch = setInterval(listen, SILENCE / 4);
  addEventListener("online", nudge);
  addEventListener("offline", missing);
  document.addEventListener("visibilitychange", nudge);
  open();
  return stop;
}
