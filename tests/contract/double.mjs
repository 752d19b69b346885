// Starts the rehearsal as a process of its own and talks HTTP to it, byte for byte.
import { spawn } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = process.env.DEPLOYER || path.join(root, 'build/deployer');
const patience = 1000 * Number(process.env.TEST_PATIENCE || 1);

// A surrounding installation's variables must not reach the double.
function environment(own) {
  const kept = /^(PATH|HOME|TMPDIR|LANG|ASAN_OPTIONS|UBSAN_OPTIONS|LSAN_OPTIONS)$/;
  const inherited = Object.entries(process.env).filter(([name]) => kept.test(name));
  return { ...Object.fromEntries(inherited), ...own };
}

async function listening(child) {
  for await (const line of readline.createInterface({ input: child.stdout })) {
    let event = {};
    try { event = JSON.parse(line); } catch { continue; }
    if (event.event === 'rehearsal.listening') return event.port;
  }
  throw new Error(`the rehearsal ended before it listened (${binary}); it said: ${child.said}`);
}

// The running double: { port, stop() }. `speed` divides the time that deployments take.
export async function start({ version, data, speed = 20, variables = {} }) {
  const child = spawn(binary, ['--root', root, '--rehearsal'], {
    env: environment({ REHEARSAL_PORT: '0', REHEARSAL_DOKPLOY_VERSION: version, REHEARSAL_SPEED: String(speed), DATA_DIR: data,
      NODE_ENV: 'test', ...variables }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.said = '';
  child.stderr.on('data', (text) => { child.said += text; });
  child.on('error', (error) => { child.said += error.message; });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  process.once('exit', () => child.kill('SIGKILL')); // a test that ends early leaves nothing behind
  const port = await listening(child);
  child.stdout.resume();
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    await ended;
  };
  return { port, stop, said: () => child.said };
}

// One request; nothing is added to what is given but Host and Content-Length. Resolves to null when no answer comes.
export function send(port, { method = 'GET', path: target, headers = {}, body, timeout = 15 * patience, host = '127.0.0.1' }) {
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
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() }));
      response.on('error', () => resolve(null));
    });
    request.end(body);
  });
}

// A request to /__rehearsal/..., which must succeed.
export async function control(port, method, name, value) {
  const answer = await send(port, { method, path: `/__rehearsal/${name}`, body: value === undefined ? undefined : JSON.stringify(value) });
  if (answer?.status !== 200) throw new Error(`${method} /__rehearsal/${name}: ${answer?.status} ${answer?.text}`);
  return JSON.parse(answer.text);
}
