// The portal's API. An answer is its JSON; anything else is thrown as a Problem that can be shown as it is.
import { language, t } from "./text.js";

export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail || body.title || t("page.unreachable.detail"));
    Object.assign(this, { status, code: body.code ?? "unreachable", title: body.title ?? t("page.unreachable.title") });
  }
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
let skew = 0;

/** The portal's clock; ours may be minutes off, and elapsed times are counted from its stamps. */
export const now = () => Date.now() + skew;

function readClock(response) {
  const difference = Date.parse(response.headers.get("Date") ?? "") - Date.now();
  skew = Math.abs(difference) > 2000 ? difference : 0;
}

async function call(method, path, { body, key, headers = {}, signal } = {}) {
  const sent = { Accept: "application/json", "Accept-Language": language, ...headers };
  if (key) sent.Authorization = `Bearer ${key}`;
  if (body) sent["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers: sent, signal, body: body && JSON.stringify(body), cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  readClock(response);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

export const check = (name, signal) => call("GET", `/api/check/${encodeURIComponent(name)}`, { signal });
export const status = (id) => call("GET", `/api/status/${encodeURIComponent(id)}`);
export const cancel = (id, key) => call("POST", `/api/status/${encodeURIComponent(id)}/cancel`, { key });
export const stack = (name, key) => call("GET", `/api/stack/${encodeURIComponent(name)}`, { key });
export const remove = (name, key, data) => call("DELETE", `/api/stack/${encodeURIComponent(name)}${data ? "?data=delete" : ""}`, { key });

export const stacks = () => call("GET", "/api/stacks?limit=200");
export const operate = (name, act, key, body) => call("POST", `/api/stack/${encodeURIComponent(name)}/${act}`, { key, body });
export const link = (key) => call("POST", "/api/owner/link", { key });

/** Asks for a stack: { name, template?, invite? }. The same attempt may be sent again as often as needed: it makes one stack. */
export async function deploy(wanted, attempt, key) {
  for (let tries = 0; ; tries++) {
    try {
      return await call("POST", "/api/deploy", { body: wanted, key, headers: { "Idempotency-Key": attempt } });
    } catch (problem) {
      if (problem.status !== 0 || tries === 3) throw problem;
      await pause(500 * 2 ** tries);
    }
  }
}
