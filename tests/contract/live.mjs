// Compares a running Dokploy with the recordings, or records it:
//
//   node tests/contract/live.mjs          the calls of the portal, each answer by its form
//   node tests/contract/live.mjs record   the recordings anew, on a server without projects
//
// DOKPLOY_URL, DOKPLOY_API_TOKEN or DOKPLOY_API_TOKEN_FILE: the server and a key of an owner or
// admin. STACK_IMAGE: an image that it can pull. RECORDINGS: where recordings are written; ONLY:
// the numbers of those to make; 20, the calls of the portal, can be made beside projects of others.
// What was made there is removed again, also after a failure or an interrupt. Exit status 0: no
// difference; 1: some, or something is left.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DEPLOYER, copyTree, temporary } from '../http/harness.mjs';
import { formDifference } from './comparison.mjs';
import { LiveServer, frontOf } from './live_server.mjs';
import { Placeholders } from './placeholders.mjs';
import { folder, load, nearest, save } from './recordings.mjs';
import { parsed, replaying } from './replay.mjs';

// Need a restart, a stopped database or a slow registry: they cannot be made over HTTP alone.
const BY_HAND = ['07', '10', '11', '16'];
const CALLS = '20-calls-of-the-portal.json';

const {
  DOKPLOY_URL, DOKPLOY_API_TOKEN, DOKPLOY_API_TOKEN_FILE, ONLY, PATH, TIME_SCALE = '1',
  STACK_IMAGE = '127.0.0.1:5000/demo/app:1', RECORDINGS = folder,
} = process.env;
const token = DOKPLOY_API_TOKEN
  || (DOKPLOY_API_TOKEN_FILE ? readFileSync(DOKPLOY_API_TOKEN_FILE, 'utf8').trim() : 'rehearsal');

// Runs calls.lua with the portal's own client; resolves to its lines.
async function makeCalls(server, name, signal) {
  const { root } = copyTree();
  const source = fileURLToPath(new URL('calls.lua', import.meta.url));
  copyFileSync(source, join(root, 'scripts/commands/calls.lua'));
  const front = await frontOf(server);
  const env = { PATH, TIME_SCALE, DOKPLOY_URL: front.url, STACK_IMAGE,
    DOKPLOY_API_TOKEN: token, STACK_DOMAIN_SUFFIX: 'invalid', DATA_DIR: temporary('calls'),
    NODE_ENV: 'test' };
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn(DEPLOYER, ['--root', root, 'calls', name], { env, stdio, signal });
  let output = '', log = '';
  child.stdout.on('data', (bytes) => { output += bytes; });
  child.stderr.on('data', (bytes) => { log += bytes; });
  try {
    const [status] = await once(child, 'close');
    if (status > 1 || (status === 1 && !output)) throw new Error(`the calls failed:\n${log}`);
  } finally {
    front.close();
  }
  return output.split('\n').filter(Boolean);
}

const procedureOf = ({ method, path }) => `${method} ${path.replace(/^\/api\/|\?.*/g, '')}`;

// How an answer differs in form from every recorded one of its procedure; null when it does not,
// undefined when there is none.
function differenceOf({ request, response }, recorded) {
  const known = recorded.filter((one) => one.response
    && procedureOf(one.request) === procedureOf(request));
  if (known.length === 0) return undefined;
  const same = known.filter((one) => one.response.status === response.status);
  if (same.length === 0) {
    const statuses = [...new Set(known.map((one) => one.response.status))].sort();
    return `status ${statuses.join(' or ')} was recorded, not ${response.status}: `
      + JSON.stringify(response.body)?.slice(0, 200);
  }
  const found = same.map((one) => formDifference('', one.response.body, response.body));
  return found.includes(null) ? null : found[0];
}

function printRow(level, what, text) {
  console.log(`${level.padEnd(9)} ${what.padEnd(42)} ${text}`);
}

// Prints what differs; returns how much that is.
function compare(version, exchanges, unusable) {
  const like = nearest(version);
  const recorded = load(like).flatMap((recording) => recording.exchanges);
  const rows = new Set();
  for (const exchange of exchanges) {
    const found = differenceOf(exchange, recorded);
    const what = procedureOf(exchange.request);
    if (found) rows.add(['differs', what, found].join('\t'));
    if (found === undefined) rows.add(['unknown', what, 'was never recorded'].join('\t'));
  }
  for (const line of unusable) rows.add(['unusable', ...line.split(/: (.*)/)].join('\t'));
  for (const row of rows) printRow(...row.split('\t'));
  const differences = [...rows].filter((row) => !row.startsWith('unknown')).length;
  console.log(`Dokploy ${version}: ${exchanges.length} answers compared with those of ${like}, `
    + `${differences} differences`);
  return differences;
}

const isLastOfPoll = ({ request }, i, exchanges) => (
  JSON.stringify(request) !== JSON.stringify(exchanges[i + 1]?.request)
);

const isSameCall = (one, other) => procedureOf(one.request) === procedureOf(other.request)
  && one.response?.status === other.response.status;

// Makes the portal's own calls; then replays what can be made over HTTP alone. Resolves to
// recordings { title, exchanges }; `like` is the older answer of an exchange.
async function record(server, version, name, signal) {
  const before = load(nearest(version));
  const known = before.flatMap(({ exchanges }) => exchanges);
  for (const line of await makeCalls(server, name, signal)) printRow('unusable', '', line);
  const calls = server.exchanges.filter(isLastOfPoll).map((exchange) => (
    { ...exchange, like: known.find((one) => isSameCall(one, exchange))?.response.body }));
  const recordings = [];
  for (const { number, title, exchanges } of before) {
    if (BY_HAND.includes(number) || title === CALLS || (ONLY && !ONLY.includes(number))) continue;
    const made = [];
    await server.replay({ number, exchanges }, (exchange, answer) => {
      signal.throwIfAborted();
      const response = answer
        && { status: answer.status, type: answer.headers['content-type'], body: parsed(answer) };
      made.push({ ...exchange, response, like: exchange.response?.body });
    });
    recordings.push({ title, exchanges: made });
  }
  return [...recordings, { title: CALLS, exchanges: calls }];
}

// A list without the rows of others: those that do not mention the name of this run.
const ownRows = (body, name) => (!Array.isArray(body) ? body
  : body.filter((row) => JSON.stringify(row).includes(name)));

// Takes what is new each time out of recordings, and writes them.
function write(server, version, name, recordings) {
  const { hostname } = new URL(DOKPLOY_URL);
  const replaced = [[name, 'contract-aaaaaa'], [token, 'TEST-KEY']];
  if (!/^(localhost|127\.0\.0\.1)$/.test(hostname)) replaced.push([hostname, 'DOKPLOY-HOST']);
  for (const [recorded, own] of server.learned) replaced.push([own, recorded]);
  const placeholders = new Placeholders(replaced);
  const calls = recordings.at(-1).exchanges;
  for (const { response } of calls) {
    response.body = ownRows(response.body, name);
    placeholders.learn(response.body);
  }
  for (const { request } of calls) {
    request.path = placeholders.text(request.path);
    if (request.body) request.body = JSON.parse(placeholders.text(JSON.stringify(request.body)));
  }
  for (const { response, like } of recordings.flatMap(({ exchanges }) => exchanges)) {
    if (response?.body !== undefined) response.body = placeholders.value(response.body, like);
  }
  save(version, recordings, nearest(version), RECORDINGS);
  console.log(`Dokploy ${version}: recorded in ${join(RECORDINGS, version)}; look for what is `
    + `private before you keep it, and make by hand: ${BY_HAND.join(', ')}`);
}

async function main(isRecorder) {
  if (!DOKPLOY_URL) throw new Error('set DOKPLOY_URL to the server, and DOKPLOY_API_TOKEN');
  const interrupt = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => interrupt.abort());
  const name = `contract-${randomBytes(3).toString('hex')}`;
  const server = new (replaying(LiveServer))(DOKPLOY_URL, token);
  const version = await server.version();
  const isFresh = isRecorder && ONLY !== '20';
  if (isFresh && (await server.dokploy('project.all')).length > 0) {
    throw new Error('recordings are made on a server without projects, which this one has');
  }
  let isFine = true;
  try {
    if (isRecorder) {
      write(server, version, name, await record(server, version, name, interrupt.signal));
    } else {
      const unusable = await makeCalls(server, name, interrupt.signal);
      isFine = compare(version, server.exchanges, unusable) === 0;
    }
  } finally {
    const isOurs = (row) => row.name === name || (isFresh && 'projectId' in row);
    const left = await server.cleanUp(isOurs)
      .catch(({ message }) => [[`whatever is named ${name}`, message]]);
    for (const [what, problem] of left) printRow('left', what, problem.slice(0, 200));
    isFine &&= isFresh || left.length === 0;
  }
  return isFine ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv[2] === 'record');
} catch (error) {
  console.error(error.name === 'AbortError' ? 'interrupted' : error.message);
  process.exitCode = 1;
}
