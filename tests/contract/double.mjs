// Starts the rehearsal as a process of its own and talks HTTP to it, byte for byte.
import { spawn } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.DEPLOYER || path.join(root, 'build/deployer');
const patience = 1000 * Number(process.env.TEST_PATIENCE || 1);

// The variables of an installation on this machine must not reach the double.
function inherited() {
  const kept = /^(PATH|HOME|TMPDIR|LANG|ASAN_OPTIONS|UBSAN_OPTIONS|LSAN_OPTIONS)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name)));
}

async function portOf(child) {
  for await (const line of readline.createInterface({ input: child.stdout })) {
    let event = {};
    try { event = JSON.parse(line); } catch { continue; }
    if (event.event === 'rehearsal.listening') return event.port;
  }
  throw new Error(`the rehearsal ended before it listened (${binary}): ${child.errors}`);
}

// The running double: { port, stop(signal) }. `speed` divides the time that deployments take.
export async function start({ version, data, speed = 20, variables = {} }) {
  const env = { ...inherited(), REHEARSAL_PORT: '0', REHEARSAL_DOKPLOY_VERSION: version,
    REHEARSAL_SPEED: String(speed), DATA_DIR: data, NODE_ENV: 'test', ...variables };
  const child = spawn(binary, ['--root', root, '--rehearsal'],
    { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.errors = '';
  child.stderr.on('data', (text) => { child.errors += text; });
  child.on('error', (error) => { child.errors += error.message; });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  process.once('exit', () => child.kill('SIGKILL')); // a test that ends early leaves nothing behind
  const port = await portOf(child);
  child.stdout.resume();
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    await ended;
  };
  return { port, stop };
}

// Sends one request with the given headers, Host and Content-Length. Resolves to
// { status, headers, text }, or to null when no complete answer comes.
export function send(port, { method = 'GET', path: target, headers = {}, body,
  timeout = 15 * patience, host = '127.0.0.1' }) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = http.request({ port, host: '127.0.0.1', method, path: target, agent: false,
      headers: { host: `${host}:${port}`, ...headers, ...length } });
    request.setTimeout(timeout, () => {
      request.destroy();
      resolve(null);
    });
    request.on('error', (error) => (error.code === 'ECONNRESET' ? resolve(null) : reject(error)));
    request.on('response', (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', () => resolve(null));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode, headers: response.headers, text });
      });
    });
    request.end(body);
  });
}

// Calls a procedure as Dokploy's clients do.
export function call(port, procedure, input, options = {}) {
  return send(port, { method: 'POST', path: `/api/${procedure}`, body: JSON.stringify(input),
    headers: { 'x-api-key': 'rehearsal', 'content-type': 'application/json' }, ...options });
}

export function query(port, procedure, parameters = {}) {
  const target = `/api/${procedure}?${new URLSearchParams(parameters)}`;
  return send(port, { path: target, headers: { 'x-api-key': 'rehearsal' } });
}

// A request to /__rehearsal/..., which must succeed.
export async function control(port, method, name, value) {
  const body = value === undefined ? undefined : JSON.stringify(value);
  const answer = await send(port, { method, path: `/__rehearsal/${name}`, body });
  if (answer?.status === 200) return JSON.parse(answer.text);
  throw new Error(`${method} /__rehearsal/${name}: ${answer?.status} ${answer?.text}`);
}
