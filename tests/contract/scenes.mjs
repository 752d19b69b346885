// What happened around the recorded exchanges without being recorded.
//
// before[NN](scene, exchange) is called before each exchange of recording NN. A scene offers
// answer(name), learn(recorded, own), until(reached), version and what a Double has.

const isNew = (scene) => scene.version !== '0.26.5';

const fastImage = '127.0.0.1:5000/demo/app:1';
const slowImage = '127.0.0.1:5998/demo/app:1';

function idIn({ request }) {
  return request.body?.applicationId ?? request.path.split('applicationId=')[1];
}

async function setImage(scene, applicationId, dockerImage) {
  const login = { username: '', password: '', registryUrl: '' };
  await scene.change('application.saveDockerProvider', { applicationId, dockerImage, ...login });
}

async function deploy(scene, applicationId, dockerImage) {
  await setImage(scene, applicationId, dockerImage);
  await scene.change('application.deploy', { applicationId });
}

async function makeApplication(scene, projectName, name, appName = name) {
  const { project, environment } = await scene.change('project.create', { name: projectName });
  const { environmentId } = environment;
  const made = await scene.change('application.create', { name, appName, environmentId });
  return { ...made, projectId: project.projectId };
}

// 03: the application was marked as running; another one was in a second environment.
async function remove(scene, { name, request }) {
  if (name === 'application.delete') {
    const { applicationId } = scene.answer('application.create');
    await scene.change('application.update', { applicationId, applicationStatus: 'running' });
  }
  if (name === 'application.create in staging') {
    const { environment } = scene.answer('project.create p2');
    scene.learn(request.body.environmentId, environment.environmentId);
  }
  if (name === 'mounts.remove') {
    const { applicationId } = scene.answer('application.create in staging');
    const { mounts } = await scene.dokploy('application.one', { applicationId });
    scene.learn(request.body.mountId, mounts[0].mountId);
  }
}

// 07: ten applications were deployed at once; the ends of the queue were recorded.
const queue = { applications: [] };

async function makeQueue(scene, exchange) {
  const { name } = exchange;
  if (name.startsWith('application.deploy app 0')) {
    queue.applications = [];
    for (let i = 0; i < 10; i += 1) {
      const name = `conc-0${i}`;
      const application = await makeApplication(scene, name, name, 'conc');
      await setImage(scene, application.applicationId, slowImage);
      queue.applications.push(application);
    }
    scene.learn(idIn(exchange), queue.applications[0].applicationId);
  }
  if (name.startsWith('application.deploy app 9')) await fillQueue(scene, exchange);
  if (name.startsWith('application.one of a waiting application')) {
    scene.learn(idIn(exchange), queue.applications[8].applicationId);
  }
  if (name.startsWith('deployment.all of application 8')) await scene.settle();
  if (name.startsWith('application.delete while its deploy is running')) {
    scene.learn(idIn(exchange), await deploySlowly(scene, 1));
  }
  if (name.startsWith('application.delete while its deploy waits')) {
    await deploySlowly(scene, 2);
    const { applicationId } = queue.applications[3];
    scene.learn(idIn(exchange), applicationId);
    await scene.change('application.deploy', { applicationId });
  }
  if (name.startsWith('project.remove while')) {
    await deploySlowly(scene, 4);
    scene.learn(exchange.request.body.projectId, queue.applications[4].projectId);
  }
}

async function fillQueue(scene, exchange) {
  for (let i = 1; i < 9; i += 1) {
    const { applicationId } = queue.applications[i];
    await scene.change('application.deploy', { applicationId, title: `deploy ${i}` });
  }
  scene.learn(idIn(exchange), queue.applications[9].applicationId);
}

const isDeploying = (id) => (state) => (
  state.deployments.some((row) => row.applicationId === id && row.status === 'running')
);

// A deployment that is certain to run when the next exchange comes. Returns its application's id.
async function deploySlowly(scene, index) {
  await scene.settle();
  const { applicationId } = queue.applications[index];
  await scene.faults({ at: 'deploy', kind: 'latency', ms: 400 });
  await scene.change('application.deploy', { applicationId });
  await scene.until(isDeploying(applicationId));
  return applicationId;
}

// 10: the server was restarted with one deployment running and three waiting.
const restarted = {};

async function restart(scene, exchange) {
  const { name } = exchange;
  if (name.startsWith('application.stop of a crash-looping')) {
    const { applicationId } = await makeApplication(scene, 'restart', 'crashstart');
    scene.learn(idIn(exchange), applicationId);
    await deploy(scene, applicationId, '127.0.0.1:5000/demo/crash:1');
    await scene.settle();
  }
  if (name.startsWith('application.one of the application whose deploy was running')) {
    await restartWhileDeploying(scene, exchange);
  }
  if (name === 'deployment.all of one that was waiting') {
    const last = restarted.applications[3].applicationId;
    scene.learn(idIn(exchange), last);
    // The older version takes up its queue again; the recording caught the last one while it ran.
    if (!isNew(scene)) await scene.until(isDeploying(last));
  }
  if (name === 'deploy again after the restart') await scene.settle();
}

async function restartWhileDeploying(scene, exchange) {
  restarted.applications = [];
  for (let i = 0; i < 4; i += 1) {
    restarted.applications.push(await makeApplication(scene, 'restart', `rst${i}`));
  }
  scene.learn(idIn(exchange), restarted.applications[0].applicationId);
  await scene.faults({ at: 'deploy', kind: 'latency', ms: 60000 });
  for (const { applicationId } of restarted.applications) {
    await deploy(scene, applicationId, slowImage);
  }
  await scene.until((state) => state.deployments.some((row) => row.status === 'running'));
  await scene.restart();
  const slowLast = { at: 'deploy', kind: 'latency', ms: 1000, skip: 2 };
  if (!isNew(scene)) await scene.faults(slowLast);
}

// 11: a server without projects, whose database went away, came back, froze and came back.
async function database(scene, { name }) {
  if (name === 'database down: /api/health') {
    await scene.control('POST', 'reset');
    await scene.faults({ at: 'health', kind: 'database', ms: 3600000 });
  }
  if (/^database (up again|thawed): project.all/.test(name)) {
    await scene.control('DELETE', 'faults');
  }
  if (name.startsWith('database frozen: project.all')) {
    await scene.faults({ at: '*', kind: 'hang' });
  }
}

// 16: a deployment waits behind a slow one.
async function slowAndFast(scene, { name }) {
  const idOf = (which) => scene.answer(`application.create ${which}`).applicationId;
  if (name === 'deploy fast, first time') {
    await setImage(scene, idOf('fast'), fastImage);
    await setImage(scene, idOf('slow'), slowImage);
  }
  if (name === 'deployment.all, newest first') await scene.settle();
}

// 17: another tag had been set before the deployment, and another deployment followed it.
async function otherTag(scene, { name }) {
  if (name !== 'application.deploy' && name !== 'deployment.all') return;
  const { applicationId } = scene.answer('application.create');
  if (name === 'deployment.all') {
    await scene.change('application.deploy', { applicationId });
    await scene.settle();
    return;
  }
  const login = { username: null, password: null, registryUrl: null };
  await scene.change('application.saveDockerProvider',
    { applicationId, dockerImage: fastImage, ...login });
}

// 20: the recorder waited until the stopped container had ended.
async function callsOfPortal(scene, { request, response }) {
  const asksForContainers = request.path.includes('docker.getContainersByAppNameMatch');
  if (!asksForContainers || response.body.length > 0) return;
  await scene.until(({ containers }) => containers.length === 0);
}

export const before = {
  '03': remove, '07': makeQueue, 10: restart, 11: database, 16: slowAndFast, 17: otherTag,
  20: callsOfPortal,
};

// The recorder waited for the end of a deployment, except where it wanted to see the queue.
export function settlesAfter(number, { request }) {
  return request.path === '/api/application.deploy' && !['07', '16'].includes(number);
}
