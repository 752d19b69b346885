// The portal's API: JSON, or a Problem whose message can be shown as it is.
import * as memory from "./memory.js";
import { language, t } from "./text.js";

export class Problem extends Error {
  constructor(status, body = {}) {
    super(body.detail || body.title || t("live.unreachable.detail"));
    this.status = status;
    this.code = body.code ?? "unreachable";
    this.field = body.field;
    this.title = body.title ?? t("live.unreachable.title");
  }
}

// A log-in proxy in front of the portal answers with a page of its own, or sends the browser to it.
const signedOut = () => new Problem(200, {
  code: "signed_out", title: t("live.signed_out.title"), detail: t("live.signed_out.detail"),
});
const fromOthers = ({ type, ok, status }) => (
  type === "opaqueredirect" || ok || status === 401 || status === 403
    ? signedOut() : new Problem(status));

async function send(path, { method = "GET", headers, ...options }) {
  const all = { "Accept-Language": language, ...headers };
  try {
    return await fetch(path, { method, headers: all, cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
}

/** Calls the API. options: method, body (an object), headers, signal. */
export async function call(path, { body, headers, ...options } = {}) {
  const type = body ? { "Content-Type": "application/json" } : {};
  const response = await send(path, {
    ...options, headers: { Accept: "application/json", ...type, ...headers },
    body: body && JSON.stringify(body), redirect: "manual",
  });
  if (!/json/.test(response.headers.get("Content-Type"))) throw fromOthers(response);
  const answer = await response.json().catch(() => { throw new Problem(0); }); // it was cut off
  if (response.status === 401) memory.forget(); // its cookie is lost or void
  if (!response.ok) throw new Problem(response.status, answer);
  return answer;
}

/**
 * The part of a page that changes, as a document. An unknown page (404) has one as well.
 * @param {string} path
 */
export async function part(path) {
  const options = { headers: { "X-Part": "1" } };
  const response = await send(path, options).catch(async (problem) => {
    // A redirect to another host fails like a lost network.
    const { type } = await send(path, { ...options, redirect: "manual" });
    throw type === "opaqueredirect" ? signedOut() : problem;
  });
  const found = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!found.querySelector("#job, #lists")) throw fromOthers(response);
  if (!response.ok && response.status !== 404) throw new Problem(response.status);
  return { document: found, url: response.url, isRedirected: response.redirected };
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/**
 * Asks for a workspace: { name, template?, invite?, parameters? }. `attempt` is the
 * Idempotency-Key: however often the same attempt is sent, it creates one workspace.
 */
export async function deploy(wanted, attempt) {
  const options = { method: "POST", body: wanted, headers: { "Idempotency-Key": attempt } };
  for (let tries = 0; ; tries++) {
    try {
      const answer = await call("/api/deploy", options);
      if (!answer.deploymentId) throw new Problem(500, answer);
      return answer;
    } catch (problem) {
      if (problem.status !== 0 || tries === 3) throw problem;
      await pause(500 * 2 ** tries);
    }
  }
}
