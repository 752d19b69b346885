// The double's own side: what its stacks answer, what faults do, what survives.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { control, send, start } from './double.mjs';

const password = "p a#s's";
const basic = (user, secret) => ({ authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` });
const right = basic('opencode', password);

class World {
  async open(options = {}) {
    this.data = fs.mkdtempSync(path.join(os.tmpdir(), 'rehearsal-'));
    await this.begin(options);
  }

  async begin(options = {}) {
    this.double = await start({ version: '0.30.2', data: this.data, ...options });
    this.port = this.double.port;
  }

  async close() {
    await this.double.stop();
    fs.rmSync(this.data, { recursive: true, force: true });
  }

  async post(procedure, input) {
    const answer = await send(this.port, { method: 'POST', path: `/api/${procedure}`, body: JSON.stringify(input),
      headers: { 'x-api-key': 'rehearsal', 'content-type': 'application/json' } });
    assert.equal(answer?.status, 200, `${procedure}: ${answer?.text}`);
    return answer.text ? JSON.parse(answer.text) : null;
  }

  get(procedure, query = '') {
    return send(this.port, { path: `/api/${procedure}${query && `?${query}`}`, headers: { 'x-api-key': 'rehearsal' } });
  }

  control(method, name, value) {
    return control(this.port, method, name, value);
  }

  faults(...rules) {
    return this.control('POST', 'faults', rules);
  }

  // An application with a host, a volume and a password, ready to be deployed.
  async application(name, { image = 'ai-stack:1', env = `OPENCODE_SERVER_PASSWORD="${password}"` } = {}) {
    const { project, environment } = await this.post('project.create', { name });
    const made = await this.post('application.create', { name, appName: name, environmentId: environment.environmentId });
    const applicationId = made.applicationId;
    await this.post('application.saveDockerProvider', { applicationId, dockerImage: image, username: '', password: '', registryUrl: '' });
    await this.post('application.saveEnvironment', { applicationId, env, buildArgs: null, buildSecrets: null, createEnvFile: false });
    await this.post('mounts.create', { type: 'volume', volumeName: `${name}-data`, mountPath: '/workspace', serviceId: applicationId,
      serviceType: 'application' });
    await this.post('domain.create', { host: `${name}.localhost`, port: 8080, applicationId });
    return { ...made, project };
  }

  async deployed(name, options) {
    const application = await this.application(name, options);
    await this.post('application.deploy', { applicationId: application.applicationId });
    await this.control('POST', 'settle');
    return application;
  }

  stack(name, target = '/global/health', headers = {}, more = {}) {
    return send(this.port, { path: target, host: `${name}.localhost`, headers, timeout: 1500, ...more });
  }

  async deployment(application) {
    return JSON.parse((await this.get('deployment.all', `applicationId=${application.applicationId}`)).text)[0];
  }

  async log(application) {
    const { deploymentId } = await this.deployment(application);
    return JSON.parse((await this.get('deployment.readLogs', `deploymentId=${deploymentId}`)).text);
  }
}

describe('a stack', () => {
  const world = new World();
  before(() => world.open());
  after(() => world.close());
  beforeEach(() => world.control('POST', 'reset'));

  test('is locked, and opens with the password of its env text', async () => {
    await world.deployed('ada');
    for (const headers of [{}, basic('opencode', 'wrong'), basic('root', password)]) {
      const locked = await world.stack('ada', '/global/health', headers);
      assert.equal(locked.status, 401);
      assert.equal(locked.headers['www-authenticate'], 'Basic realm="Secure Area"');
      assert.equal(locked.text, '');
    }
    const healthy = await world.stack('ada', '/global/health', right);
    assert.equal(healthy.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(healthy.text), { healthy: true, version: '1.18.33' });
    assert.equal(JSON.parse((await world.stack('ada', '/path', right)).text).directory, '/workspace');
    assert.equal(JSON.parse((await world.stack('ada', '/api/health')).text)._tag, 'UnauthorizedError');
    assert.equal(JSON.parse((await world.stack('ada', '/site.webmanifest')).text).name, 'OpenCode');
  });

  test('shows a page that says what it is, in the visitor\'s language', async () => {
    await world.deployed('ada');
    for (const [language, says, direction] of [['en', 'Rehearsal', 'ltr'], ['nl-NL,en', 'Generale repetitie', 'ltr'], ['ar', 'تجربة', 'rtl']]) {
      const page = await world.stack('ada', '/L3dvcmtzcGFjZQ/session', { ...right, 'accept-language': language });
      assert.equal(page.status, 200);
      assert.match(page.headers['content-type'], /^text\/html/);
      assert.ok(page.text.includes(says) && page.text.includes(`dir="${direction}"`) && page.text.includes('ada'), page.text);
      assert.doesNotMatch(page.text, /\b[A-Z]{4,}\b/, 'nothing of the template is left');
    }
  });

  test('is not found before it has a host, and is a bad gateway until it listens', async () => {
    assert.equal((await world.stack('ada')).status, 404);
    const { applicationId } = await world.application('ada');
    assert.equal((await world.stack('ada')).status, 502);
    await world.post('application.deploy', { applicationId });
    await world.control('POST', 'settle');
    assert.equal((await world.stack('ada')).status, 401);
    await world.post('application.stop', { applicationId });
    assert.equal((await world.stack('ada')).status, 502);
    await world.post('application.start', { applicationId });
    assert.equal((await world.stack('ada')).status, 401);
  });

  test('without a password is open', async () => {
    await world.deployed('ada', { env: null });
    assert.equal((await world.stack('ada')).status, 200);
  });

  test('keeps running, and reachable, when only its project is removed', async () => {
    const { project } = await world.deployed('ada');
    await world.post('project.remove', { projectId: project.projectId });
    const state = await world.control('GET', 'state');
    assert.deepEqual([state.applications, state.services.length, state.routes.length], [[], 1, 1]);
    assert.equal((await world.stack('ada')).status, 401);
  });

  test('is orphaned when its application is deleted while it is deployed', async () => {
    const { applicationId } = await world.application('ada');
    await world.faults({ at: 'deploy', kind: 'latency', ms: 300 });
    await world.post('application.deploy', { applicationId });
    await world.post('application.delete', { applicationId });
    await world.control('POST', 'settle');
    assert.equal((await world.control('GET', 'state')).services.length, 1);
  });

  test('leaves its volume, which is in use until the container has stopped', async () => {
    const { applicationId, appName } = await world.deployed('ada');
    await world.post('application.delete', { applicationId });
    assert.equal((await world.get('docker.getServiceContainersByAppName', `appName=${appName}`)).text, '[]');
    const remove = () => send(world.port, { method: 'POST', path: '/api/dockerVolume.removeVolume', body: '{"volumeName":"ada-data"}',
      headers: { 'x-api-key': 'rehearsal', 'content-type': 'application/json' } });
    const used = await remove();
    assert.equal(used.status, 500);
    assert.match(used.text, /volume is in use/);
    let answer;
    for (let tries = 0; tries < 500 && answer?.status !== 200; tries += 1) answer = await remove();
    assert.deepEqual([answer.status, answer.text], [200, '']);
    assert.match((await remove()).text, /no such volume/);
  });
});

describe('a fault', () => {
  const world = new World();
  before(() => world.open());
  after(() => world.close());
  beforeEach(() => world.control('POST', 'reset'));

  const create = () => send(world.port, { method: 'POST', path: '/api/project.create', body: '{"name":"eve"}', timeout: 1500,
    headers: { 'x-api-key': 'rehearsal', 'content-type': 'application/json' } });
  const projects = async () => (await world.control('GET', 'state')).projects.length;

  // kind -> what comes, and how many projects there are afterwards
  const calls = {
    status: [(answer) => answer.status === 503 && answer.headers['retry-after'] === '2' && answer.text === 'no', 0],
    cut: [(answer) => answer === null, 0],
    hang: [(answer) => answer === null, 0],
    html: [(answer) => answer.status === 200 && answer.text.startsWith('<!doctype'), 0],
    half: [(answer) => answer === null, 1],
    wrong_json: [(answer) => answer.status === 200 && answer.text === '{"oops": ', 1],
    wrong_type: [(answer) => Array.isArray(JSON.parse(answer.text)), 1],
    lost: [(answer) => answer === null, 1],
  };
  for (const [kind, [looks, made]] of Object.entries(calls)) {
    test(`${kind}: ${made ? 'the work is done' : 'nothing is done'}`, async () => {
      const more = kind === 'status' ? { status: 503, headers: { 'Retry-After': '2' }, body: 'no' } : {};
      await world.faults({ at: 'project.create', kind, ...more });
      const answer = await create();
      assert.ok(looks(answer), JSON.stringify(answer));
      assert.equal(await projects(), made);
      assert.equal((await world.control('GET', 'faults'))[0].hits, 1);
      assert.equal((await create()).status, 200, 'once is once');
    });
  }

  test('latency waits and then goes on', async () => {
    await world.faults({ at: '*', kind: 'latency', ms: 200 });
    const begun = process.hrtime.bigint();
    assert.equal((await create()).status, 200);
    assert.ok(process.hrtime.bigint() - begun >= 190000000n);
  });

  test('skip, times and name choose the calls', async () => {
    await world.faults({ at: 'project.create', kind: 'status', status: 500, skip: 1, times: 2, name: 'eve' });
    await world.post('project.create', { name: 'adam' });
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await create()).status);
    assert.deepEqual(statuses, [200, 500, 500, 200, 200]);
  });

  test('a rule that makes no sense is refused with a sentence', async () => {
    for (const [rule, says] of [[{ kind: 'cut' }, /"at" is missing/], [{ at: 'deploy', kind: 'cut' }, /must be one of: /],
      [{ at: '*', kind: 'cut', tmes: 1 }, /unknown field "tmes"/], [{ at: '*', kind: 'cut', times: 'x' }, /"times" must be a number/]]) {
      const answer = await send(world.port, { method: 'POST', path: '/__rehearsal/faults', body: JSON.stringify(rule) });
      assert.equal(answer.status, 400);
      assert.match(JSON.parse(answer.text).message, says);
    }
  });

  const deployments = {
    deploy_error: ['error', /Error occurred ❌/], image_not_found: ['error', /manifest unknown/], registry_login: ['error', /❌ Login failed/],
    crash_loop: ['done', /✅/], never_ready: ['done', /✅/], unprotected: ['done', /✅/], wrong_password: ['done', /✅/], html: ['done', /✅/],
  };
  const health = { crash_loop: 502, never_ready: 502, unprotected: 200, wrong_password: 401, html: 200 };
  for (const [kind, [status, says]] of Object.entries(deployments)) {
    test(`${kind} in a deployment`, async () => {
      await world.faults({ at: 'deploy', kind, name: 'eve' });
      const eve = await world.deployed('eve');
      assert.equal((await world.deployment(eve)).status, status);
      assert.match(await world.log(eve), says);
      assert.equal((await world.stack('eve', '/global/health', kind === 'unprotected' ? {} : right)).status, health[kind] ?? 502);
      await world.deployed('adam');
      assert.equal((await world.stack('adam')).status, 401, 'the other is well');
    });
  }

  const seen = { status: 500, unprotected: 200, wrong_password: 401, never_ready: 502, html: 200 };
  for (const [kind, status] of Object.entries(seen)) {
    test(`${kind} of a stack`, async () => {
      await world.deployed('eve');
      await world.faults({ at: 'stack', kind, name: 'eve' });
      assert.equal((await world.stack('eve', '/global/health', kind === 'unprotected' ? {} : right)).status, status);
      assert.equal((await world.stack('eve', '/global/health', right)).status, 200);
    });
  }
});

test('everything survives the end of the process, also the sudden end', async () => {
  const world = new World();
  await world.open();
  try {
    const ada = await world.deployed('ada');
    const before_ = await world.control('GET', 'state');
    await world.double.stop('SIGKILL');
    await world.begin();
    assert.deepEqual(await world.control('GET', 'state'), before_);
    assert.equal((await world.stack('ada', '/path', right)).status, 200);
    await world.post('application.deploy', { applicationId: ada.applicationId });
    await world.control('POST', 'settle');
    assert.equal((await world.control('GET', 'state')).deployments.length, 2);
  } finally {
    await world.close();
  }
});

test('faults can be there from the start, out of a file', async () => {
  const world = new World();
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'faults-')), 'faults.json');
  fs.writeFileSync(file, JSON.stringify([{ at: 'project.all', kind: 'status', status: 418 }]));
  await world.open({ variables: { REHEARSAL_FAULTS_FILE: file } });
  try {
    assert.equal((await world.get('project.all')).status, 418);
    assert.equal((await world.get('project.all')).status, 200);
  } finally {
    await world.close();
    fs.rmSync(path.dirname(file), { recursive: true });
  }
});

test('the version can be changed while it runs', async () => {
  const world = new World();
  await world.open();
  try {
    assert.equal((await world.get('settings.getDokployVersion')).text, '"v0.30.2"');
    await world.control('POST', 'version', { version: '0.26.5' });
    assert.equal((await world.get('settings.getDokployVersion')).text, '"v0.26.5"');
    assert.equal((await world.get('project.search', 'q=a')).status, 404);
  } finally {
    await world.close();
  }
});
