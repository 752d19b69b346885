// What this browser remembers, in localStorage: the owner key, and the workspaces that it created
// or was given a key for: { key, workspaces: [{ name, id, key, open }] }. id: the last operation;
// open: whether it was still running when this browser last saw it.
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

export const ownKey = () => read().key;
export const byName = (name) => read().workspaces.find((entry) => entry.name === name);
export const unfinished = () => read().workspaces.find((entry) => entry.open);

/** The owner key for a workspace. Without cookies, this browser's own key serves for all. */
export const keyFor = (name) =>
  byName(name)?.key ?? (navigator.cookieEnabled ? undefined : ownKey());

/** Keys of other owners than the one that the cookie stands for. */
export function otherKeys() {
  const { key, workspaces } = read();
  const keys = new Set(workspaces.map((entry) => entry.key).filter(Boolean));
  if (navigator.cookieEnabled) keys.delete(key);
  else if (key) keys.add(key);
  return [...keys];
}

/** Adds or updates a workspace, and puts it first. isOwn: this browser created it. */
export function remember(entry, isOwn = false) {
  const { key, workspaces } = read();
  const known = workspaces.find((other) => other.name === entry.name);
  const rest = workspaces.filter((other) => other.name !== entry.name);
  write({ key: isOwn ? entry.key ?? key : key, workspaces: [{ ...known, ...entry }, ...rest] });
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
