// The rehearsal's own side: what its workspaces answer, what faults do, what survives a restart.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { temporary } from '../http/harness.mjs';
import { Double } from './double.mjs';

const password = "p a#s's";

function basic(user, secret) {
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
}

const right = basic('opencode', password);
const passwordLine = `OPENCODE_SERVER_PASSWORD="${password}"`;

class World extends Double {
  constructor(variables) {
    super('0.30.2', variables);
  }

  // An application with a host, a volume and a password, ready to be deployed.
  async application(name, env = passwordLine) {
    const { project, environment } = await this.change('project.create', { name });
    const { environmentId } = environment;
    const made = await this.change('application.create', { name, appName: name, environmentId });
    const { applicationId } = made;
    const login = { username: '', password: '', registryUrl: '' };
    await this.change('application.saveDockerProvider',
      { applicationId, dockerImage: 'ai-stack:1', ...login });
    await this.change('application.saveEnvironment',
      { applicationId, env, buildArgs: null, buildSecrets: null, createEnvFile: false });
    await this.change('mounts.create', { type: 'volume', volumeName: `${name}-data`,
      mountPath: '/workspace', serviceId: applicationId, serviceType: 'application' });
    await this.change('domain.create', { host: `${name}.localhost`, port: 8080, applicationId });
    return { ...made, project };
  }

  async deployed(name, env) {
    const application = await this.application(name, env);
    await this.change('application.deploy', { applicationId: application.applicationId });
    await this.settle();
    return application;
  }

  workspace(name, target = '/global/health', headers = {}) {
    return this.send({ path: target, host: `${name}.localhost`, headers, timeout: 1500 });
  }

  async deployment({ applicationId }) {
    return (await this.dokploy('deployment.all', { applicationId }))[0];
  }

  async deploymentLog(application) {
    const { deploymentId } = await this.deployment(application);
    return this.dokploy('deployment.readLogs', { deploymentId });
  }
}

// A world that starts empty for each test of the suite.
function sharedWorld() {
  const world = new World();
  before(() => world.start());
  after(() => world.stop());
  beforeEach(() => world.control('POST', 'reset'));
  return world;
}

describe('a workspace', () => {
  const world = sharedWorld();

  test('is locked, and opens with the password of its environment', async () => {
    await world.deployed('ada');
    for (const headers of [{}, basic('opencode', 'wrong'), basic('root', password)]) {
      const locked = await world.workspace('ada', '/global/health', headers);
      assert.equal(locked.status, 401);
      assert.equal(locked.headers['www-authenticate'], 'Basic realm="Secure Area"');
      assert.equal(locked.text, '');
    }
    const healthy = await world.workspace('ada', '/global/health', right);
    assert.equal(healthy.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(healthy.text), { healthy: true, version: '1.18.33' });
    const { text } = await world.workspace('ada', '/path', right);
    assert.equal(JSON.parse(text).directory, '/workspace');
  });

  const languages = [
    ['en', 'Rehearsal', 'ltr'], ['nl-NL,en', 'Generale repetitie', 'ltr'], ['ar', 'تجربة', 'rtl'],
  ];
  for (const [language, badge, direction] of languages) {
    test(`has a page for Accept-Language: ${language}`, async () => {
      await world.deployed('ada');
      const headers = { ...right, 'accept-language': language };
      const page = await world.workspace('ada', '/L3dvcmtzcGFjZQ/session', headers);
      assert.equal(page.status, 200);
      assert.match(page.headers['content-type'], /^text\/html/);
      for (const part of [badge, `dir="${direction}"`, 'ada']) {
        assert.ok(page.text.includes(part), `${part} is missing in ${page.text}`);
      }
      assert.doesNotMatch(page.text, /\b[A-Z]{4,}\b/, 'a placeholder of the template is left');
    });
  }

  test('is not found without a host, and a bad gateway until it listens', async () => {
    assert.equal((await world.workspace('ada')).status, 404);
    const { applicationId, appName } = await world.application('ada');
    assert.equal((await world.workspace('ada')).status, 502);
    await world.change('application.deploy', { applicationId });
    await world.settle();
    assert.equal((await world.workspace('ada')).status, 401);
    await world.change('application.stop', { applicationId });
    assert.equal((await world.workspace('ada')).status, 502);
    await world.change('application.reload', { applicationId, appName });
    await world.settle();
    assert.equal((await world.workspace('ada')).status, 401);
  });

  test('is a bad gateway while the proxy is not in its network', async () => {
    const network = { name: 'own', driver: 'overlay', attachable: true };
    const { networkId } = await world.change('network.create', network);
    const again = await world.post('network.create', network);
    assert.equal(again.status, 400);
    assert.match(again.text, /network with name own already exists/);
    const { applicationId, appName } = await world.application('ada');
    const container = appName.slice(0, 7);
    const fields = { networkIds: [networkId], detachDokployNetwork: true };
    await world.change('application.update', { applicationId, ...fields });
    await world.change('application.deploy', { applicationId });
    await world.settle();
    const inside = async () => {
      const { Containers } = await world.dokploy('network.inspect', { networkId });
      return Object.values(Containers).map(({ Name }) => Name.slice(0, 7)).sort();
    };
    assert.deepEqual([(await world.workspace('ada')).status, await inside()], [502, [container]]);
    await world.docker('docker network connect own dokploy-traefik');
    const both = [container, 'dokploy'];
    assert.deepEqual([(await world.workspace('ada')).status, await inside()], [401, both]);
    assert.equal((await world.post('network.remove', { networkId })).status, 400, 'it is in use');
    await world.docker('docker network disconnect own dokploy-traefik');
    assert.equal((await world.workspace('ada')).status, 502);
  });

  // application.readTraefikConfig as both versions were recorded.
  test("has a Traefik file, which keeps what is not about its domain", async () => {
    const { applicationId, appName } = await world.application('ada');
    const read = () => world.dokploy('application.readTraefikConfig', { applicationId });
    const routers = (https) => ['web', ...(https ? ['websecure'] : [])].map((entry) =>
      `    ${appName}-router-${entry === 'web' ? '' : 'websecure-'}NUMBER:\n`
      + '      rule: Host(`ada.localhost`)\n'
      + `      service: ${appName}-service-NUMBER\n`
      + (https && entry === 'web' ? '      middlewares:\n        - redirect-to-https\n'
        : '      middlewares: []\n')
      + `      entryPoints:\n        - ${entry}\n`
      + (entry === 'web' ? '' : '      tls:\n        certResolver: letsencrypt\n')).join('');
    const file = (https, more = '') => `http:\n  routers:\n${routers(https)}  services:\n`
      + `    ${appName}-service-NUMBER:\n      loadBalancer:\n        servers:\n`
      + `          - url: http://${appName}:8080\n        passHostHeader: true\n${more}`;
    const [domain] = await world.dokploy('domain.byApplicationId', { applicationId });
    const numbered = (text) => text.replaceAll('NUMBER', domain.uniqueConfigKey);
    assert.equal(await read(), numbered(file(false)));
    const mine = '  middlewares:\n    mine:\n      compress: {}\n';
    const traefikConfig = numbered(file(false, mine));
    await world.change('application.updateTraefikConfig', { applicationId, traefikConfig });
    await world.change('domain.update', { domainId: domain.domainId, host: 'ada.localhost',
      https: true, certificateType: 'letsencrypt' });
    assert.equal(await read(), numbered(file(true, mine)));
    await world.change('domain.delete', { domainId: domain.domainId });
    assert.equal(await read(), null, 'without routers there is no file');
  });

  test('is open without a password', async () => {
    await world.deployed('ada', null);
    assert.equal((await world.workspace('ada')).status, 200);
  });

  test('keeps running and stays reachable when only its project is removed', async () => {
    const { project } = await world.deployed('ada');
    await world.change('project.remove', { projectId: project.projectId });
    const state = await world.state();
    const left = [state.applications, state.services.length, state.routes.length];
    assert.deepEqual(left, [[], 1, 1]);
    assert.equal((await world.workspace('ada')).status, 401);
  });

  test('becomes an orphan when its application is deleted during a deployment', async () => {
    const { applicationId } = await world.application('ada');
    await world.faults({ at: 'deploy', kind: 'latency', ms: 300 });
    await world.change('application.deploy', { applicationId });
    await world.change('application.delete', { applicationId });
    await world.settle();
    assert.equal((await world.state()).services.length, 1);
  });

  test('leaves its volume, which is in use until the container has stopped', async () => {
    const { applicationId, appName } = await world.deployed('ada');
    await world.change('application.delete', { applicationId });
    const tasks = await world.dokploy('docker.getServiceContainersByAppName', { appName });
    assert.deepEqual(tasks, []);
    const remove = () => world.post('dockerVolume.removeVolume', { volumeName: 'ada-data' });
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
  const world = sharedWorld();

  const create = () => world.post('project.create', { name: 'eve' }, { timeout: 1500 });

  // kind -> check of the answer, projects afterwards
  const kinds = {
    status: [({ status, headers, text }) => {
      assert.deepEqual([status, headers['retry-after'], text], [503, '2', 'no']);
    }, 0],
    cut: [(answer) => assert.equal(answer, null), 0],
    hang: [(answer) => assert.equal(answer, null), 0],
    html: [({ status, text }) => assert.match(`${status} ${text}`, /^200 <!doctype/), 0],
    half: [(answer) => assert.equal(answer, null), 1],
    wrong_json: [({ status, text }) => assert.equal(`${status} ${text}`, '200 {"oops": '), 1],
    wrong_type: [({ text }) => assert.ok(Array.isArray(JSON.parse(text))), 1],
    lost: [(answer) => assert.equal(answer, null), 1],
  };
  for (const [kind, [check, projects]] of Object.entries(kinds)) {
    test(`${kind}: ${projects ? 'the call is done' : 'nothing is done'}`, async () => {
      const rule = { at: 'project.create', kind };
      if (kind === 'status') {
        Object.assign(rule, { status: 503, headers: { 'Retry-After': '2' }, body: 'no' });
      }
      await world.faults(rule);
      check(await create());
      assert.equal((await world.state()).projects.length, projects);
      assert.equal((await world.control('GET', 'faults'))[0].hits, 1);
      assert.equal((await create()).status, 200, 'a rule applies once by default');
    });
  }

  test('latency waits and then goes on', async () => {
    await world.faults({ at: '*', kind: 'latency', ms: 200 });
    const begun = performance.now();
    assert.equal((await create()).status, 200);
    assert.ok(performance.now() - begun >= 190);
  });

  test('skip, times and name choose the calls', async () => {
    await world.faults({ at: 'project.create', kind: 'status', status: 500, skip: 1, times: 2,
      name: 'eve' });
    await world.change('project.create', { name: 'adam' });
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await create()).status);
    assert.deepEqual(statuses, [200, 500, 500, 200, 200]);
  });

  const malformed = [
    [{ kind: 'cut' }, /"at" is missing/],
    [{ at: 'deploy', kind: 'cut' }, /must be one of: /],
    [{ at: '*', kind: 'cut', tmes: 1 }, /unknown field "tmes"/],
    [{ at: '*', kind: 'cut', times: 'x' }, /"times" must be a number/],
  ];
  for (const [rule, message] of malformed) {
    test(`malformed is refused: ${JSON.stringify(rule)}`, async () => {
      const body = JSON.stringify(rule);
      const answer = await world.send({ method: 'POST', path: '/__rehearsal/faults', body });
      assert.equal(answer.status, 400);
      assert.match(JSON.parse(answer.text).message, message);
    });
  }

  // kind -> status of the deployment, its log, status of the workspace
  const deployments = {
    deploy_error: ['error', /Error occurred ❌/, 502],
    image_not_found: ['error', /manifest unknown/, 502],
    registry_login: ['error', /❌ Login failed/, 502],
    registry_denied: ['error', /pull access denied/, 502],
    crash_loop: ['done', /✅/, 502],
    never_ready: ['done', /✅/, 502],
    unprotected: ['done', /✅/, 200],
    wrong_password: ['done', /✅/, 401],
    html: ['done', /✅/, 200],
  };
  const headersFor = (kind) => (kind === 'unprotected' ? {} : right);

  for (const [kind, [status, log, health]] of Object.entries(deployments)) {
    test(`${kind} in a deployment`, async () => {
      await world.faults({ at: 'deploy', kind, name: 'eve' });
      const eve = await world.deployed('eve');
      assert.equal((await world.deployment(eve)).status, status);
      assert.match(await world.deploymentLog(eve), log);
      const answer = await world.workspace('eve', '/global/health', headersFor(kind));
      assert.equal(answer.status, health);
      await world.deployed('adam');
      assert.equal((await world.workspace('adam')).status, 401, 'another workspace is healthy');
    });
  }

  const answers = {
    status: 500, unprotected: 200, wrong_password: 401, never_ready: 502, html: 200,
  };
  for (const [kind, status] of Object.entries(answers)) {
    test(`${kind} of a workspace`, async () => {
      await world.deployed('eve');
      await world.faults({ at: 'stack', kind, name: 'eve' });
      const answer = await world.workspace('eve', '/global/health', headersFor(kind));
      assert.equal(answer.status, status);
      assert.equal((await world.workspace('eve', '/global/health', right)).status, 200);
    });
  }
});

async function begin(t, variables) {
  const world = new World(variables);
  await world.start();
  t.after(() => world.stop());
  return world;
}

test('everything survives a sudden end of the process', async (t) => {
  const world = await begin(t);
  const { applicationId } = await world.deployed('ada');
  const state = await world.state();
  await world.restart();
  assert.deepEqual(await world.state(), state);
  assert.equal((await world.workspace('ada', '/path', right)).status, 200);
  await world.change('application.deploy', { applicationId });
  await world.settle();
  assert.equal((await world.state()).deployments.length, 2);
});

test('faults can be set from the start, in a file', async (t) => {
  const file = path.join(temporary('faults'), 'faults.json');
  fs.writeFileSync(file, JSON.stringify([{ at: 'project.all', kind: 'status', status: 418 }]));
  const world = await begin(t, { REHEARSAL_FAULTS_FILE: file });
  assert.equal((await world.get('project.all')).status, 418);
  assert.equal((await world.get('project.all')).status, 200);
});

test('the version can be changed at run time', async (t) => {
  const world = await begin(t);
  assert.equal(await world.dokploy('settings.getDokployVersion'), 'v0.30.2');
  await world.control('POST', 'version', { version: '0.26.5' });
  assert.equal(await world.dokploy('settings.getDokployVersion'), 'v0.26.5');
  assert.equal((await world.get('project.search', { q: 'a' })).status, 404);
});
