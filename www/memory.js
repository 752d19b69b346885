// What this browser remembers, in localStorage: the workspaces that it created, { workspaces: [{
// name, id, open }] }. id: the last operation; open: whether it was still running when this browser
// last saw it. The owner key is in a cookie that scripts cannot read.
const STORAGE_KEY = "deployer";
const ATTEMPT_KEY = "attempt";
const ATTEMPT_MS = 120000; // how long an unanswered attempt is worth resuming
let fallback = { workspaces: [] }; // where the browser refuses storage

function read() {
  try {
    const found = JSON.parse(localStorage.getItem(STORAGE_KEY));
    return Array.isArray(found?.workspaces) ? found : { workspaces: [] };
  } catch {
    return fallback;
  }
}

function write(memory) {
  fallback = memory;
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(memory));
  } catch { /* the fallback has it */ }
}

export const byName = (name) => read().workspaces.find((entry) => entry.name === name);
export const unfinished = () => read().workspaces.find((entry) => entry.open);

/** Adds or updates a workspace, and puts it first. */
export function remember(entry) {
  const memory = read();
  const known = memory.workspaces.find((other) => other.name === entry.name);
  const rest = memory.workspaces.filter((other) => other.name !== entry.name);
  write({ ...memory, workspaces: [{ ...known, ...entry }, ...rest] });
}

export function forget() {
  fallback = { workspaces: [] };
  try { localStorage.removeItem(STORAGE_KEY); } catch { /* nothing was stored */ }
}

/** This browser's own key, where version 0.1 stored it. */
export const oldKey = () => read().key;

/** Removes the keys that version 0.1 stored. */
export function dropOldKeys() {
  const { key, workspaces } = read();
  if (key || workspaces.some((entry) => entry.key)) {
    write({ workspaces: workspaces.map(({ name, id, open }) => ({ name, id, open })) });
  }
}

/** A new operation has begun on a workspace. */
export function begun(name, id) {
  if (byName(name)) remember({ name, id, open: true });
}

/** The operation with that id has ended. isGone: nothing is left of its workspace. */
export function ended(id, isGone) {
  const memory = read();
  const others = memory.workspaces.filter((entry) => entry.id !== id);
  const own = memory.workspaces.filter((entry) => entry.id === id);
  if (own.length === 0) return;
  const kept = isGone ? [] : own.map((entry) => ({ ...entry, open: false }));
  write({ ...memory, workspaces: [...kept, ...others] });
}

/** Calls back when another tab changes something. */
export function onChange(callback) {
  addEventListener("storage", (event) => { if (event.key === STORAGE_KEY) callback(); });
}

// Attempts

/** The last attempt to create a workspace, if it is recent and its answer never came. */
export function unanswered() {
  try {
    const attempt = JSON.parse(sessionStorage.getItem(ATTEMPT_KEY));
    return attempt && Date.now() - attempt.at < ATTEMPT_MS ? attempt : undefined;
  } catch {
    return undefined;
  }
}

/** The key of an attempt to create that workspace: the same one until the portal has answered. */
export function attempt(name) {
  const kept = unanswered();
  if (kept?.name === name) return kept.key;
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  try {
    sessionStorage.setItem(ATTEMPT_KEY, JSON.stringify({ name, key, at: Date.now() }));
  } catch { /* a reload before the answer cannot resume then */ }
  return key;
}

export function attemptAnswered() {
  try { sessionStorage.removeItem(ATTEMPT_KEY); } catch { /* nothing was stored */ }
}

/** Saves a name to try again once, on the start page. */
export function saveRetryName(name) {
  try { sessionStorage.setItem("retry", name); } catch { /* the form is empty then */ }
}

export function takeRetryName() {
  try {
    const name = sessionStorage.getItem("retry");
    sessionStorage.removeItem("retry");
    return name;
  } catch {
    return null;
  }
}
