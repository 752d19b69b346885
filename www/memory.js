// What this browser remembers: the owner key, and the workspaces it made or was given a key for.
// { key, workspaces: [{ name, id, url, key, at, open }] }; `open`: its last operation has not ended as far as we know.
const PLACE = "deployer";
let fallback = { workspaces: [] };

function read() {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE));
    return Array.isArray(found?.workspaces) ? found : { workspaces: [] };
  } catch {
    return fallback; // storage switched off: this page's life only
  }
}

function write(memory) {
  fallback = memory;
  try { localStorage.setItem(PLACE, JSON.stringify(memory)); } catch { /* remembered above */ }
}

export const workspaces = () => read().workspaces;
export const ownerKey = () => read().key;
export const byName = (name) => workspaces().find((entry) => entry.name === name);
export const byId = (id) => workspaces().find((entry) => entry.id === id);
export const unfinished = () => workspaces().find((entry) => entry.open);

/** Adds a workspace, or brings what is known of it up to date; the newest stands first. */
export function remember(entry) {
  const memory = read();
  const known = memory.workspaces.find((other) => other.name === entry.name);
  const rest = memory.workspaces.filter((other) => other.name !== entry.name);
  write({ key: entry.key ?? memory.key, workspaces: [{ at: Date.now(), ...known, ...entry }, ...rest] });
}

export function update(name, change) {
  const memory = read();
  write({ ...memory, workspaces: memory.workspaces.map((entry) => (entry.name === name ? { ...entry, ...change } : entry)) });
}

/** An operation has ended: what is remembered of its workspace follows. */
export function settle(id, { name, kind, state, rolledBack }) {
  if (byName(name)?.id !== id) return;
  const nothingLeft = state === "deleted" || (kind === "deploy" && state !== "ready" && rolledBack !== false);
  if (nothingLeft) forget(name);
  else update(name, { open: false });
}

export function forget(name) {
  const memory = read();
  write({ ...memory, workspaces: memory.workspaces.filter((entry) => entry.name !== name) });
}

/** Calls back when another tab changed something. */
export function onChange(fn) {
  addEventListener("storage", (event) => { if (event.key === PLACE) fn(); });
}

// An attempt's key lives until the portal has given its answer, also over a reload, so that pressing the button again cannot make two.
export function attempt(name) {
  try {
    const kept = unanswered();
    if (kept?.name === name) return kept.key;
    const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("attempt", JSON.stringify({ name, key, at: Date.now() }));
    return key;
  } catch {
    return String(Math.random()).slice(2) + Date.now();
  }
}

/** The attempt of the last minutes whose answer never came, if there is one. */
export function unanswered() {
  try {
    const kept = JSON.parse(sessionStorage.getItem("attempt"));
    return kept && Date.now() - kept.at < 120000 ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function attemptAnswered() {
  try { sessionStorage.removeItem("attempt"); } catch { /* nothing was kept */ }
}
