// Holds the rehearsal against recordings of two real Dokploy servers: the same requests, in the same order; the answers must be like those
// that were recorded (see likeness.mjs). What is left out, and why, is in scenes.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { control, send, start } from './double.mjs';
import { errorDifference, Likeness, seenTypes } from './likeness.mjs';
import { load, versions } from './recordings.mjs';
import { before, excluded, settlesAfter } from './scenes.mjs';

class Stage {
  constructor(version, data) {
    Object.assign(this, { version, data, learned: new Map([['TEST-KEY', 'rehearsal']]), answers: new Map() });
  }

  async open() {
    this.double = await start({ version: this.version, data: this.data });
    this.port = this.double.port;
  }

  // The organization is there from the beginning, so nothing that was recorded tells its id.
  async learnOrganization(recorded) {
    const answer = await send(this.port, { path: '/api/organization.all', headers: { 'x-api-key': 'rehearsal' } });
    this.learn(recorded, JSON.parse(answer.text)[0].id);
  }

  async restart() {
    await this.double.stop('SIGKILL');
    await this.open();
    if (this.rules) await this.control('POST', 'faults', this.rules);
    this.rules = undefined;
  }

  afterRestart(rules) {
    this.rules = rules;
  }

  control(method, name, value) {
    return control(this.port, method, name, value);
  }

  settle() {
    return this.control('POST', 'settle');
  }

  async until(reached) {
    const end = Date.now() + 60000; // time, not tries: those are soon used up while the double waits for the processor
    while (Date.now() < end) {
      if (reached(await this.control('GET', 'state'))) return;
    }
    throw new Error('the double never came into the state that was waited for');
  }

  learn(recorded, own) {
    this.learned.set(recorded, own);
  }

  answer(name) {
    return this.answers.get(name);
  }

  // A call of our own, which must succeed.
  async call(procedure, input, key = 'TEST-KEY') {
    const answer = await send(this.port, { method: 'POST', path: `/api/${procedure}`, body: JSON.stringify(input),
      headers: { 'x-api-key': this.own(key), 'content-type': 'application/json' } });
    assert.equal(answer?.status, 200, `${procedure}: ${answer?.text}`);
    return answer.text ? JSON.parse(answer.text) : null;
  }

  async ask(procedure, key) {
    const answer = await send(this.port, { path: `/api/${procedure}`, headers: { 'x-api-key': this.own(key) } });
    return JSON.parse(answer.text);
  }

  own(text) {
    return this.learned.get(text) ?? text;
  }

  // The recorded value with the double's own ids in place of the recorded.
  translate(value) {
    if (typeof value === 'string') return this.own(value);
    if (Array.isArray(value)) return value.map((item) => this.translate(item));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.translate(item)]));
  }

  translatePath(target) {
    const [head, query] = target.split('?');
    if (query === undefined) return target;
    const pairs = query.split('&').map((pair) => {
      const [name, value] = pair.split('=');
      return value === undefined ? pair : `${name}=${this.own(value)}`;
    });
    return `${head}?${pairs.join('&')}`;
  }

  translateHeaders(headers) {
    const entries = Object.entries(headers).map(([name, value]) => {
      if (name !== 'cookie') return [name, this.learned.get(value) ?? value.replace(/^TEST-KEY /, `${this.own('TEST-KEY')} `)];
      const [cookie, token] = value.split('=');
      return [name, `${cookie}=${this.own(token)}`];
    });
    return Object.fromEntries(entries);
  }

  // Pairs up what is new each time: ids, names in Docker, keys.
  pair(recorded, own) {
    if (Array.isArray(recorded) && Array.isArray(own)) {
      recorded.forEach((item, i) => this.pair(item, own[i]));
    } else if (recorded && own && typeof recorded === 'object' && typeof own === 'object') {
      for (const [name, value] of Object.entries(recorded)) {
        const names = /Id$|^(id|appName|key)$/.test(name) && typeof value === 'string' && typeof own[name] === 'string';
        if (names) this.learn(value, own[name]);
        else this.pair(value, own[name]);
      }
    }
  }

  async replay(exchange) {
    const { method, path: target, headers, body } = exchange.request;
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(this.translate(body));
    return send(this.port, { method, path: this.translatePath(target), headers: this.translateHeaders(headers), body: text,
      timeout: exchange.response ? undefined : 1000 });
  }
}

// What a container prints is its own affair.
const theirOwn = /^\/api\/application\.readLogs/;

function parsed(answer) {
  if (answer.text === '') return undefined;
  return /json/.test(answer.headers['content-type'] ?? '') ? JSON.parse(answer.text) : answer.text;
}

// The first difference between the recorded response and the answer, or null.
function difference(likeness, exchange, answer) {
  const recorded = exchange.response;
  if (recorded === null || answer === null) return recorded === answer ? null : `${recorded ? 'an answer' : 'no answer'} was expected`;
  if (answer.status !== recorded.status) return `status ${recorded.status} expected, ${answer.status} came: ${answer.text.slice(0, 300)}`;
  const body = parsed(answer);
  if (recorded.location && answer.headers.location !== recorded.location) return `Location: ${answer.headers.location}`;
  const type = answer.headers['content-type'];
  if (/json/.test(recorded.type ?? '') && type !== recorded.type) return `Content-Type: ${type}`;
  if (recorded.body === undefined && body === undefined) return null;
  if (recorded.body === undefined || body === undefined) return `body: ${JSON.stringify(recorded.body)} expected, ${answer.text} came`;
  if (Array.isArray(recorded.body?.keys)) return likeness.difference('keys', recorded.body.keys.sort(), Object.keys(body).sort());
  if (recorded.status >= 400) return errorDifference(recorded.body, body);
  if (theirOwn.test(exchange.request.path)) return typeof body === 'string' ? null : `body: ${answer.text}`;
  return likeness.difference(exchange.request.path.split('?')[0], recorded.body, body);
}

function reasonToSkip(version, exchange) {
  const fits = ([name, target, , only]) => name.test(exchange.name) && target.test(exchange.request.path) && (!only || only === version);
  return excluded.find(fits)?.[2];
}

async function play(stage, recording, likeness, count) {
  const differences = [];
  for (const exchange of recording.exchanges) {
    const reason = reasonToSkip(stage.version, exchange);
    if (reason) {
      count.excluded.set(reason, (count.excluded.get(reason) ?? 0) + 1);
      continue;
    }
    stage.exchange = exchange;
    await before[recording.file]?.(stage, exchange);
    const answer = await stage.replay(exchange);
    const found = difference(likeness, exchange, answer);
    const { method, path: target } = exchange.request;
    if (found) differences.push(`${exchange.name}\n    ${method} ${target.slice(0, 120)}\n    ${found.slice(0, 1500)}`);
    else count.held += 1;
    if (answer && exchange.response?.body && answer.status === exchange.response.status) {
      stage.answers.set(exchange.name, parsed(answer));
      stage.pair(exchange.response.body, parsed(answer));
    }
    if (settlesAfter(recording.file, exchange)) await stage.settle();
  }
  return differences;
}

for (const version of versions) {
  test(`the rehearsal answers as Dokploy ${version} did`, async (t) => {
    const recordings = load(version);
    const likeness = new Likeness(seenTypes(recordings));
    const count = { held: 0, excluded: new Map() };
    const data = fs.mkdtempSync(path.join(os.tmpdir(), 'contract-'));
    const stage = new Stage(version, data);
    await stage.open();
    await stage.learnOrganization(JSON.stringify(recordings).match(/"organizationId":"([^"]+)"/)[1]);
    try {
      for (const recording of recordings) {
        await t.test(recording.title, async () => {
          const differences = await play(stage, recording, likeness, count);
          assert.equal(differences.length, 0, `${differences.length} differ:\n  ${differences.join('\n  ')}`);
        });
      }
    } finally {
      await stage.double.stop();
      fs.rmSync(data, { recursive: true, force: true });
    }
    t.diagnostic(`${version}: ${count.held} exchanges held`);
    for (const [reason, times] of count.excluded) t.diagnostic(`${version}: ${times} excluded: ${reason}`);
  });
}
