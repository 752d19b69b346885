// What was done around the recorded exchanges without being recorded, and what is left out of the comparison.
//
// before[NN](stage, exchange) is called before each exchange of recording NN. A stage offers call(procedure, input), ask(procedure),
// answer(name), learn(recorded, own), settle(), until(reached), control(...), restart(), version.

const newer = (stage) => stage.version === '0.30.2';

// Exchanges that are not sent, with the reason. The first rule that fits counts.
export const excluded = [
  [/./, /^\/api\/auth\//, 'sign-up, sign-in and sessions of better-auth: the portal has a key and never signs in'],
  [/^query parameter twice$/, /./, 'the server shows scripts the last of a repeated parameter', '0.30.2'],
  [/^disabled key$/, /./, 'the key was disabled in the database; no call does that'],
  [/^very long URL$/, /./, 'a head that is too long is refused by the core, before any script'],
  [/^server not listening/, /./, 'no server was running: there is nothing to hold'],
];

const image = '127.0.0.1:5000/demo/app:1';

const idIn = (exchange) => exchange.request.body?.applicationId ?? exchange.request.path.split('applicationId=')[1];

async function provide(stage, id, dockerImage) {
  await stage.call('application.saveDockerProvider', { applicationId: id, dockerImage, username: '', password: '', registryUrl: '' });
}

async function deploy(stage, id, dockerImage, title) {
  await provide(stage, id, dockerImage);
  await stage.call('application.deploy', { applicationId: id, title });
}

async function makeApplication(stage, project, name) {
  const { environment } = await stage.call('project.create', { name: project });
  return stage.call('application.create', { name, appName: name, environmentId: environment.environmentId });
}

// An application that a recorded exchange names by an id which no recorded answer gave.
async function stand(stage, exchange, project, name) {
  const application = await makeApplication(stage, project, name);
  stage.learn(idIn(exchange), application.applicationId);
  return application;
}

// 04: some of the oddly named applications were deployed, to see what Docker says of their names.
async function deployOddNames(stage, exchange) {
  if (exchange.name !== 'application.create same name twice') return;
  for (const name of ['appName simple', 'upper/space/dot/underscore', 'only upper', '63 chars', '57 chars', '200 chars', 'leading dash']) {
    const made = stage.answer(`application.create ${name}`);
    if (made?.applicationId) await deploy(stage, made.applicationId, image);
  }
  await stage.settle();
}

// 06: calls came at certain times; here the clock is moved.
async function keysAndTime(stage, { name }) {
  if (name === 'user.createApiKey default-limit') await stage.control('POST', 'clock', { stopped: true });
  if (name === '2 s later') await stage.control('POST', 'clock', { seconds: 2 });
  if (name.startsWith('4.2 s after')) await stage.control('POST', 'clock', { seconds: 4.2 });
  if (/one call a second, call [2-8]/.test(name)) await stage.control('POST', 'clock', { seconds: 1.03 });
  if (name === 'expired key') await stage.control('POST', 'clock', { seconds: 2 * 86400 });
  if (name === 'member creates an API key') {
    const user = stage.answer('user.createUserWithCredentials member')?.userId ?? (await stage.control('POST', 'member', {})).userId;
    stage.learn('TEST-SESSION-MEMBER', user);
    stage.member = user;
  }
  if (name.startsWith('user.assignPermissions')) stage.learn(stage.exchange.request.body.id, stage.member);
  if (name === 'owner removes') await stage.control('POST', 'clock', { stopped: false });
}

// 07: of 20 parallel calls one was recorded; here the others are made as well.
const queue = { applications: [] };

async function concurrency(stage, exchange) {
  const { name } = exchange;
  if (name === 'concurrent project.create 0') {
    const names = Array.from({ length: 19 }, (_, i) => `conc-${String(i + 1).padStart(2, '0')}`);
    queue.projects = await Promise.all(names.map((each) => stage.call('project.create', { name: each })));
  }
  if (name === 'concurrent application.create 0') {
    const inputs = queue.projects.map(({ project, environment }) =>
      ({ name: project.name, appName: 'conc', environmentId: environment.environmentId }));
    queue.applications = await Promise.all(inputs.map((input) => stage.call('application.create', input)));
  }
  if (name === 'project.all') await Promise.all(Array.from({ length: 20 }, () => stage.call('project.create', { name: 'conc-same' })));
  if (name.startsWith('application.deploy app 0')) {
    queue.first = stage.answer('concurrent application.create 0').applicationId;
    await Promise.all([queue.first, ...queue.applications.slice(0, 9).map((each) => each.applicationId)]
      .map((id) => provide(stage, id, '127.0.0.1:5998/demo/app:1')));
  }
  if (name.startsWith('application.deploy app 9')) await fillQueue(stage, exchange);
  if (/^application.one of a waiting application/.test(name)) stage.learn(idIn(exchange), queue.applications[7].applicationId);
  if (name.startsWith('deployment.all of application 8')) await stage.settle();
  if (/^application.delete while its deploy is running/.test(name)) await running(stage, exchange, 0);
  if (/^application.delete while its deploy waits/.test(name)) await waiting(stage, exchange);
  if (/^project.remove while/.test(name)) await removeWhileRunning(stage, exchange);
}

async function fillQueue(stage, exchange) {
  for (let i = 0; i < 8; i += 1) {
    await stage.call('application.deploy', { applicationId: queue.applications[i].applicationId, title: `deploy ${i + 1}` });
  }
  stage.learn(exchange.request.body.applicationId, queue.applications[8].applicationId);
}

const runs = (id) => (state) => state.deployments.some((row) => row.applicationId === id && row.status === 'running');

// A deployment that certainly runs when the next exchange comes.
async function running(stage, exchange, index) {
  await stage.settle();
  const application = queue.applications[index];
  stage.learn(idIn(exchange), application.applicationId);
  await stage.control('POST', 'faults', { at: 'deploy', kind: 'latency', ms: 400 });
  await stage.call('application.deploy', { applicationId: application.applicationId });
  await stage.until(runs(application.applicationId));
}

async function waiting(stage, exchange) {
  await running(stage, exchange, 1);
  const application = queue.applications[2];
  stage.learn(idIn(exchange), application.applicationId);
  await stage.call('application.deploy', { applicationId: application.applicationId });
}

async function removeWhileRunning(stage, exchange) {
  await running(stage, { request: { body: { applicationId: 'unused' } } }, 3);
  stage.learn(exchange.request.body.projectId, queue.projects[3].project.projectId);
}

// 08: a member made ten projects at the same time, and lost the right to most of them.
async function misc(stage, { name, request }) {
  if (name.startsWith('project.all of the member after 10')) stage.lost = await loseRights(stage);
  const { project, environment } = stage.lost ?? {};
  if (name.startsWith('member project.one of a project it created')) stage.learn(request.path.split('projectId=')[1], project.projectId);
  if (name === 'member application.create there') stage.learn(request.body.environmentId, environment.environmentId);
}

// One of the projects that the member made and does not see. Whether a right is lost is a matter of time, so it may take a few tries.
async function loseRights(stage) {
  for (let tries = 0; tries < 5; tries += 1) {
    const calls = Array.from({ length: 10 }, (_, i) => stage.call('project.create', { name: `m-${i}` }, 'TEST-KEY-MEMBER'));
    const made = await Promise.all(calls);
    const seen = await stage.ask('project.all', 'TEST-KEY-MEMBER');
    const lost = made.find(({ project }) => !seen.some((each) => each.projectId === project.projectId));
    if (lost) return lost;
  }
  throw new Error('ten projects made at the same time, and no right was lost');
}

// 10: the server was restarted with one deployment running and three waiting; then its database was taken away.
const restarted = {};

async function restart(stage, exchange) {
  const { name } = exchange;
  if (name.startsWith('application.stop of a crash-looping')) {
    const application = await stand(stage, exchange, 'restart', 'crashstart');
    await deploy(stage, application.applicationId, '127.0.0.1:5000/demo/crash:1');
    await stage.settle();
  }
  if (name.startsWith('application.one of the application whose deploy was running')) await restartWhileDeploying(stage, exchange);
  if (name === 'deployment.all of one that was waiting') await oneThatWaited(stage, exchange);
  if (name === 'deploy again after the restart') await stage.settle();
  if (name === 'database down: project.all') await databaseDown(stage);
}

async function restartWhileDeploying(stage, exchange) {
  restarted.applications = [];
  for (let i = 0; i < 4; i += 1) restarted.applications.push(await makeApplication(stage, 'restart', `rst${i}`));
  stage.learn(idIn(exchange), restarted.applications[0].applicationId);
  await stage.control('POST', 'faults', { at: 'deploy', kind: 'latency', ms: 60000 });
  for (const each of restarted.applications) await deploy(stage, each.applicationId, '127.0.0.1:5998/demo/app:1');
  await stage.until((state) => state.deployments.some((row) => row.status === 'running'));
  if (!newer(stage)) await stage.afterRestart([{ at: 'deploy', kind: 'latency', ms: 1000, skip: 2 }]);
  await stage.restart();
}

// The older version takes up its queue again: the last one is caught while it runs.
async function oneThatWaited(stage, exchange) {
  const last = restarted.applications[3].applicationId;
  stage.learn(idIn(exchange), last);
  if (newer(stage)) return;
  await stage.until(runs(last));
}

async function databaseDown(stage) {
  const status = (more) => ({ kind: 'status', times: 0, ...more });
  const failed = { error: { json: { message: 'Failed query: SELECT 1\nparams: ', code: -32603,
    data: { code: 'INTERNAL_SERVER_ERROR', httpStatus: 500, path: 'settings.health', zodError: null } } } };
  const unauthorized = { status: 401, body: '{"message":"Unauthorized"}', headers: { 'Content-Type': 'application/json; charset=utf-8' } };
  await stage.control('POST', 'faults', status({ at: '*', ...unauthorized }));
  if (!newer(stage)) return;
  await stage.control('POST', 'faults', status({ at: 'trpc/settings.health', status: 500, body: JSON.stringify(failed) }));
}

// 11: a server without projects, whose database went away, came back, froze and came back.
async function database(stage, { name }) {
  if (name === 'database down: /api/health') {
    await stage.control('POST', 'reset');
    stage.learn('TEST-KEY', 'rehearsal');
    await databaseDown(stage);
  }
  if (/^database (up again|thawed): project.all/.test(name)) await stage.control('DELETE', 'faults');
  if (name.startsWith('database frozen: project.all')) await stage.control('POST', 'faults', { at: '*', kind: 'hang' });
}

async function manyProjects(stage) {
  const { applicationId } = await makeApplication(stage, 'user-0299', 'user-0299');
  const { project } = await stage.call('project.create', { name: 'user-0298' });
  await stage.call('project.update', { projectId: project.projectId, description: 'portal stack 298' });
  await stage.call('domain.create', { host: 'user.test', applicationId });
}

// 16: a deployment waits behind a slow one.
async function stale(stage, { name }) {
  const made = (which) => stage.answer(`application.create ${which}`).applicationId;
  if (name === 'deploy fast, first time') {
    await provide(stage, made('fast'), image);
    await provide(stage, made('slow'), '127.0.0.1:5998/demo/app:1');
  }
  if (name === 'deployment.all, newest first') await stage.settle();
}

// 17: the recorder had set another tag in the meantime.
async function otherTag(stage, { name }) {
  if (name !== 'application.deploy') return;
  const { applicationId } = stage.answer('application.create');
  const provider = { dockerImage: image, username: null, password: null, registryUrl: null };
  await stage.call('application.saveDockerProvider', { applicationId, ...provider });
}

export const before = {
  '04': deployOddNames, '06': keysAndTime, '07': concurrency, '08': misc, 10: restart, 11: database, 13: manyProjects,
  16: stale, 17: otherTag,
};

// After a deployment was ordered, the recorder waited for its end, but not where it wanted to see the queue.
export function settlesAfter(file, exchange) {
  return /\/api\/application\.(deploy|redeploy)$/.test(exchange.request.path) && !['07', '16'].includes(file);
}
