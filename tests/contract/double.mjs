// The rehearsal as a process of its own, and its HTTP, byte for byte.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
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

// Sends one request with the given headers, Host and Content-Length. Resolves to
// { status, headers, text }, or to null when no complete answer comes.
function sendTo(port, { method = 'GET', path: target, headers = {}, body,
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

export class Double {
  // `variables`: more environment variables.
  constructor(version, variables = {}) {
    this.data = fs.mkdtempSync(path.join(os.tmpdir(), 'rehearsal-'));
    this.env = { ...inherited(), REHEARSAL_PORT: '0', REHEARSAL_DOKPLOY_VERSION: version,
      REHEARSAL_SPEED: '20', DATA_DIR: this.data, NODE_ENV: 'test', ...variables };
  }

  async start() {
    const child = spawn(binary, ['--root', root, '--rehearsal'],
      { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (text) => { errors += text; });
    child.on('error', (error) => { errors += error.message; });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.once('exit', () => child.kill('SIGKILL')); // also when the test ends early
    this.kill = (signal) => {
      child.kill(signal);
      return ended;
    };
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const event = line.startsWith('{') ? JSON.parse(line) : {};
      if (event.event !== 'rehearsal.listening') continue;
      this.port = event.port;
      break;
    }
    child.stdout.resume();
    assert.ok(this.port, `the rehearsal ended before it listened (${binary}): ${errors}`);
  }

  // Kills the process and starts it again on the same data.
  async restart() {
    await this.kill('SIGKILL');
    await this.start();
  }

  async stop() {
    await this.kill('SIGTERM');
    fs.rmSync(this.data, { recursive: true, force: true });
  }

  send(request) {
    return sendTo(this.port, request);
  }

  // A procedure that is called with POST; resolves to the whole answer.
  post(procedure, input, options = {}) {
    return this.send({ method: 'POST', path: `/api/${procedure}`, body: JSON.stringify(input),
      headers: { 'x-api-key': 'rehearsal', 'content-type': 'application/json' }, ...options });
  }

  // The same, which must succeed; resolves to the value.
  async call(procedure, input) {
    const answer = await this.post(procedure, input);
    assert.equal(answer?.status, 200, `${procedure}: ${answer?.text}`);
    return answer.text ? JSON.parse(answer.text) : null;
  }

  // A procedure that is called with GET; resolves to the whole answer.
  get(procedure, parameters = {}) {
    const target = `/api/${procedure}?${new URLSearchParams(parameters)}`;
    return this.send({ path: target, headers: { 'x-api-key': 'rehearsal' } });
  }

  // The same, which must succeed; resolves to the value.
  async query(procedure, parameters) {
    const answer = await this.get(procedure, parameters);
    assert.equal(answer?.status, 200, `${procedure}: ${answer?.text}`);
    return JSON.parse(answer.text);
  }

  // A request to /__rehearsal/..., which must succeed.
  async control(method, name, value) {
    const body = value === undefined ? undefined : JSON.stringify(value);
    const answer = await this.send({ method, path: `/__rehearsal/${name}`, body });
    assert.equal(answer?.status, 200, `${method} /__rehearsal/${name}: ${answer?.text}`);
    return JSON.parse(answer.text);
  }

  state() {
    return this.control('GET', 'state');
  }

  settle() {
    return this.control('POST', 'settle');
  }

  faults(...rules) {
    return this.control('POST', 'faults', rules);
  }
}
