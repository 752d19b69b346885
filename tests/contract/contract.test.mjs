// Holds the rehearsal against recordings of two real Dokploy servers: the same requests in the same
// order must be answered as they were recorded (see comparison.mjs). scenes.mjs says what happened
// between the recorded requests.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { Comparison, errorDifference, seenTypes } from './comparison.mjs';
import { call, control, query, send, start } from './double.mjs';
import { load, versions } from './recordings.mjs';
import { before, settlesAfter } from './scenes.mjs';

// A double that a version's recordings are replayed on.
class Scene {
  constructor(version, data) {
    Object.assign(this, { version, data });
    this.learned = new Map(); // recorded id or name -> the double's own
    this.answers = new Map(); // name of an exchange -> the double's answer
  }

  async open() {
    this.double = await start({ version: this.version, data: this.data });
    this.port = this.double.port;
  }

  async restart() {
    await this.double.stop('SIGKILL');
    await this.open();
  }

  control(method, name, value) {
    return control(this.port, method, name, value);
  }

  settle() {
    return this.control('POST', 'settle');
  }

  // Waits for a state. A deadline, not a number of tries: a starved double answers few of them.
  async until(reached) {
    const end = Date.now() + 60000;
    while (Date.now() < end) {
      if (reached(await this.control('GET', 'state'))) return;
    }
    throw new Error('the double did not reach the expected state within 60 s');
  }

  learn(recorded, own) {
    this.learned.set(recorded, own);
  }

  answer(name) {
    return this.answers.get(name);
  }

  // A call that was not recorded; it must succeed.
  async call(procedure, input) {
    const answer = await call(this.port, procedure, input);
    assert.equal(answer?.status, 200, `${procedure}: ${answer?.text}`);
    return answer.text ? JSON.parse(answer.text) : null;
  }

  async query(procedure, parameters) {
    return JSON.parse((await query(this.port, procedure, parameters)).text);
  }

  own(text) {
    return this.learned.get(text) ?? text;
  }

  // A recorded value with the double's own ids in place of the recorded ones.
  translate(value) {
    if (typeof value === 'string') return this.own(value);
    if (Array.isArray(value)) return value.map((item) => this.translate(item));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([name, item]) => [name, this.translate(item)]);
    return Object.fromEntries(entries);
  }

  translatePath(target) {
    return target.replace(/=([^&]+)/g, (_, value) => `=${this.own(value)}`);
  }

  // Learns what is new each time: ids and names in Docker.
  pair(recorded, own) {
    if (Array.isArray(recorded) && Array.isArray(own)) {
      recorded.forEach((item, i) => this.pair(item, own[i]));
    } else if (recorded && own && typeof recorded === 'object' && typeof own === 'object') {
      for (const [name, value] of Object.entries(recorded)) {
        const isName = /Id$|^(id|appName)$/.test(name);
        if (isName && typeof value === 'string' && typeof own[name] === 'string') {
          this.learn(value, own[name]);
        } else {
          this.pair(value, own[name]);
        }
      }
    }
  }

  replay(exchange) {
    const { method, path: target, headers, body } = exchange.request;
    const isText = body === undefined || typeof body === 'string';
    return send(this.port, { method, path: this.translatePath(target), headers,
      body: isText ? body : JSON.stringify(this.translate(body)),
      timeout: exchange.response ? undefined : 1000 });
  }
}

function parsed(answer) {
  if (answer.text === '') return undefined;
  const isJson = /json/.test(answer.headers['content-type'] ?? '');
  return isJson ? JSON.parse(answer.text) : answer.text;
}

// The first difference between the recorded response and the answer, or null.
function difference(comparison, exchange, answer) {
  const recorded = exchange.response;
  if (recorded === null || answer === null) {
    return recorded === answer ? null : `${recorded ? 'an answer' : 'no answer'} was expected`;
  }
  if (answer.status !== recorded.status) {
    return `status ${recorded.status} expected, got ${answer.status}: ${answer.text.slice(0, 300)}`;
  }
  const body = parsed(answer);
  const type = answer.headers['content-type'];
  if (/json/.test(recorded.type ?? '') && type !== recorded.type) return `Content-Type: ${type}`;
  if (recorded.body === undefined && body === undefined) return null;
  if (recorded.body === undefined || body === undefined) {
    return `body: expected ${JSON.stringify(recorded.body)}, got ${answer.text}`;
  }
  if (recorded.status >= 400) return errorDifference(recorded.body, body);
  return comparison.difference(exchange.request.path.split('?')[0], recorded.body, body);
}

// Replays one recording; returns what differs and how many exchanges there were.
async function replay(scene, recording, comparison) {
  const differences = [];
  for (const exchange of recording.exchanges) {
    await before[recording.number]?.(scene, exchange);
    const answer = await scene.replay(exchange);
    const found = difference(comparison, exchange, answer);
    const { method, path: target } = exchange.request;
    if (found) {
      const request = `${method} ${target.slice(0, 120)}`;
      differences.push(`${exchange.name}\n    ${request}\n    ${found.slice(0, 1500)}`);
    }
    if (answer && exchange.response?.body && answer.status === exchange.response.status) {
      scene.answers.set(exchange.name, parsed(answer));
      scene.pair(exchange.response.body, parsed(answer));
    }
    if (settlesAfter(recording.number, exchange)) await scene.settle();
  }
  return differences;
}

for (const version of versions) {
  test(`the rehearsal answers as Dokploy ${version} did`, async (t) => {
    const recordings = load(version);
    const comparison = new Comparison(seenTypes(recordings));
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'contract-'));
    const scene = new Scene(version, data);
    await scene.open();
    try {
      for (const recording of recordings) {
        await t.test(recording.title, async () => {
          const differences = await replay(scene, recording, comparison);
          assert.equal(differences.length, 0,
            `${differences.length} differ:\n  ${differences.join('\n  ')}`);
        });
      }
    } finally {
      await scene.double.stop();
      fs.rmSync(data, { recursive: true, force: true });
    }
    const count = recordings.reduce((sum, { exchanges }) => sum + exchanges.length, 0);
    t.diagnostic(`${version}: ${count} exchanges replayed`);
  });
}
