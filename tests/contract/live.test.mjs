// What compares and records a running Dokploy, run on the rehearsal.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import { temporary, until } from '../http/harness.mjs';
import { Double } from './double.mjs';
import { load, versions } from './recordings.mjs';

const script = fileURLToPath(new URL('live.mjs', import.meta.url));
const newest = versions.at(-1);
const KEY = 'key-of-the-contract-tests';

async function startDouble(t, version = newest) {
  const double = new Double(version);
  await double.start();
  t.after(() => double.stop());
  return double;
}

function start(double, args = [], variables = {}) {
  const env = { ...process.env, DOKPLOY_URL: double.url, DOKPLOY_API_TOKEN: KEY, TIME_SCALE: '4',
    ...variables };
  const child = spawn(process.execPath, [script, ...args], { env });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (it) => chunks.push(it));
  const ended = once(child, 'close').then(([status]) => (
    { status, output: Buffer.concat(chunks).toString() }));
  return { child, ended };
}

async function holdsNothing(double) {
  const { version, faults, ...held } = await double.state();
  for (const [kind, things] of Object.entries(held)) assert.deepEqual(things, [], kind);
}

for (const version of versions) {
  test(`the portal's calls to Dokploy ${version} are answered as recorded`, async (t) => {
    const double = await startDouble(t, version);
    const { status, output } = await start(double).ended;
    assert.match(output, new RegExp(`Dokploy ${version}: \\d\\d answers .* 0 differences`));
    const isCleaned = version === newest; // older ones cannot remove a volume over HTTP
    assert.equal(/^left +volume contract-/m.test(output), !isCleaned, output);
    assert.equal(status, isCleaned ? 0 : 1, output);
    if (isCleaned) await holdsNothing(double);
  });
}

test('a changed answer is reported, and what was made is removed', async (t) => {
  const double = await startDouble(t);
  const changed = { kind: 'status', status: 200 };
  await double.faults([
    { at: 'project.search', ...changed, body: '{"items":[],"total":"0"}' },
    { at: 'application.deploy', ...changed, status: 403, body: '{"message":"No"}' },
  ]);
  const { status, output } = await start(double).ended;
  assert.equal(status, 1, output);
  assert.match(output, /^differs +GET project.search +\.total: expected 2, got "0"$/m);
  assert.match(output, /^differs +POST application.deploy +status .* was recorded, not 403/m);
  assert.match(output, /^unusable +projects_described +it finds 0 projects$/m);
  await holdsNothing(double);
});

test('what was made is removed after an interrupt, also while a deployment runs', async (t) => {
  const double = await startDouble(t);
  await double.faults({ at: 'deploy', kind: 'latency', ms: 3000 });
  const { child, ended } = start(double);
  await until(async () => (await double.state()).deployments.length > 0, 'a deployment runs');
  child.kill('SIGINT');
  const { status, output } = await ended;
  assert.equal(status, 1, output);
  assert.match(output, /^interrupted$/m);
  await holdsNothing(double);
});

test('two recordings of a server are the same, and hold none of its secrets', async (t) => {
  const made = [];
  for (let i = 0; i < 2; i += 1) {
    const double = await startDouble(t);
    const RECORDINGS = temporary('recordings');
    const { status, output } = await start(double, ['record'], { RECORDINGS, ONLY: '17' }).ended;
    assert.equal(status, 0, output);
    const text = fs.readdirSync(path.join(RECORDINGS, newest))
      .map((name) => fs.readFileSync(path.join(RECORDINGS, newest, name), 'utf8')).join('');
    assert.ok(!text.includes(KEY));
    assert.deepEqual([...new Set(text.match(/contract-\w{6}/g))], ['contract-aaaaaa']);
    made.push(load(newest, RECORDINGS));
    await holdsNothing(double);
  }
  assert.deepEqual(made[0].map(({ number }) => number), ['17', '20']);
  assert.deepEqual(made[0], made[1]);
});
