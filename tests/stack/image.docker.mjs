// Builds and runs the workspace image: offline, unprivileged, on a read-only root. Needs a Docker
// engine; `make test-docker` runs it.
import assert from 'node:assert/strict'
import path from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { docker, render, run, stack, table, top, until, whyNoDocker } from './parts.mjs'

const skip = whyNoDocker()
const password = 'c2VjcmV0LWZvci10aGlzLXRlc3Q'
const tag = `deployer-test-stack-${process.pid}`
let made = 0

// The containers, volumes and images of this process. Each test removes its own, because an idle
// server takes processor time as well.
function tidy() {
  for (const [list, remove] of [[['ps', '-aq'], ['rm', '-fv']],
    [['volume', 'ls', '-q'], ['volume', 'rm', '-f']]]) {
    const ids = run('docker', [...list, '--filter', `label=${tag}`]).out.split('\n').filter(Boolean)
    if (ids.length > 0) run('docker', [...remove, ...ids])
  }
}

function volume() {
  const name = `${tag}-${++made}`
  docker(['volume', 'create', '--label', tag, name])
  return name
}

const memory = '512m'
const hard = ['--network', 'none', '--read-only', '--tmpfs', '/tmp:exec,size=256m', '--cap-drop',
  'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', '512', '--memory', memory]
const variables = (all) => Object.entries({ OPENCODE_DISABLE_MODELS_FETCH: '1', ...all })
  .flatMap(([name, value]) => ['-e', `${name}=${value}`])

function start(image, options = {}) {
  const { env = { OPENCODE_SERVER_PASSWORD: password }, mount = volume(), more = [] } = options
  return docker(['run', '-d', '--label', tag, ...hard, ...more, '-v', `${mount}:/workspace`,
    ...variables(env), image])
}

// Sends a request inside the container, which has no network. Resolves to { status, type,
// challenge, body }, or undefined on a timeout.
function get(container, place, { user = `opencode:${password}`, timeout = 15, more = [] } = {}) {
  const { status, out } = run('docker', ['exec', container, 'curl', '-s', '-i', '--max-time',
    String(timeout), ...(user ? ['-u', user] : []), ...more,
    `http://127.0.0.1:8080${place}`])
  if (status !== 0) return undefined
  const [head, ...rest] = out.split('\r\n\r\n')
  const body = rest.join('\r\n\r\n')
  const field = (name) => head.match(new RegExp(`^${name}: (.*)$`, 'im'))?.[1].trim()
  return { status: Number(head.split(' ')[1]), type: field('content-type'),
    challenge: field('www-authenticate'), body, json: () => JSON.parse(body) }
}
// The server never answers a request that arrives while it starts, and a busy machine answers late:
// so the timeout is short at first and grows. A closed port fails at once and does not count.
function looks(what, look, first = 1) {
  let timeout = first
  return until(what, 150, () => {
    const began = Date.now()
    const found = look(timeout)
    if (!found && Date.now() - began >= timeout * 1000) timeout = Math.min(timeout * 2, 20)
    return found
  })
}
const answered = (container, place, { timeout, ...options } = {}) =>
  looks(`${place} answers`, (patience) => get(container, place, { ...options, timeout: patience }),
  timeout)
const usable = (container) => looks('the workspace opens', (timeout) => {
  const answer = get(container, '/path', { timeout })
  return answer?.status === 200 && answer.json()
})
const state = (container, format) => docker(['inspect', '-f', format, container])

// Uses a fake model in another container, because only a working session shows how much memory it
// takes.
const played = { OPENCODE_CONFIG_CONTENT: JSON.stringify({
  enabled_providers: ['opencode', 'played'],
  provider: { played: {
    npm: '@ai-sdk/openai-compatible', name: 'Played',
    options: { baseURL: 'http://127.0.0.1:9999/v1', apiKey: 'none' },
    models: { model: { name: 'Model', tool_call: true, limit: { context: 100000, output: 8000 } } },
  } },
}) }

async function playModel(image, container) {
  const model = docker(['create', '--label', tag, '--network', `container:${container}`,
    '--entrypoint', 'bun', image, '/tmp/model.js'])
  docker(['cp', path.join(top, 'tests/stack/model.js'), `${model}:/tmp/model.js`])
  docker(['start', model])
  await until('the model listens', 60, () => run('docker', ['logs', model])
    .out.includes('listening'))
}

// Sends a message to a new session and waits for the end; resolves to the tools that were called.
async function converse(container) {
  const json = ['-X', 'POST', '-H', 'content-type: application/json', '-d']
  const session = get(container, '/session', { timeout: 60, more: [...json, '{}'] }).json()
  const prompt = JSON.stringify({
    model: { providerID: 'played', modelID: 'model' },
    parts: [{ type: 'text', text: 'Please make some files, and look at them.' }],
  })
  get(container, `/session/${session.id}/prompt_async`, { timeout: 60, more: [...json, prompt] })
  return () => looks('the agent is done', (timeout) => {
    const parts = get(container, `/session/${session.id}/message`, { timeout })?.json()
      .flatMap((message) => message.parts)
    const isDone = parts?.some(({ text = '' }) => text.startsWith('It is done.'))
    return isDone && parts
      .filter(({ type, state }) => type === 'tool' && state.status === 'completed')
      .map(({ tool }) => tool)
  }, 5)
}

const peak = (container) => Math.round(docker(['exec', container, 'sh', '-c',
  'cd /sys/fs/cgroup; cat memory.peak memory/memory.max_usage_in_bytes 2>/dev/null | head -n 1',
]) / 1048576)

for (const plugin of [1, 0])
  describe(plugin ? 'with the plugin' : 'without the plugin', { skip }, () => {
    const image = `${tag}:${plugin}`
    before(() => {
      const base = process.env.STACK_BASE_IMAGE
      docker(['build', '-q', '--network', 'host', '--build-arg', `PLUGIN=${plugin}`,
        ...(base ? ['--build-arg', `BASE_IMAGE=${base}`] : []), '-t', image, stack],
        { timeout: 900_000 })
    })
    afterEach(tidy)
    after(() => run('docker', ['rmi', '-f', image]))

    test(`starts offline, read-only, in ${memory}, and asks for its password`, async (t) => {
      const began = Date.now()
      const container = start(image)
      const locked = await answered(container, '/global/health', { user: null })
      assert.equal(locked.status, 401)
      assert.match(locked.challenge, /^Basic/)
      assert.equal(get(container, '/global/health', { user: 'opencode:another password' }).status,
        401)
      assert.equal((await usable(container)).directory, '/workspace')
      const megabytes = Math.round(docker(['image', 'inspect', '-f', '{{.Size}}', image]) / 1e6)
      t.diagnostic(`usable after ${Date.now() - began} ms, image ${megabytes} MB`)
      const health = get(container, '/global/health')
      assert.match(health.type, /^application\/json/)
      assert.equal(health.json().healthy, true)
      assert.equal(docker(['exec', container, 'id', '-u']), '1000')
      assert.notEqual(run('docker', ['exec', container, 'touch', '/usr/local/bin/x']).status, 0,
        'the root can be written')
      await until('Docker calls it healthy', 90, () =>
        state(container, '{{.State.Health.Status}}') === 'healthy')
      assert.equal(state(container, '{{.State.OOMKilled}}'), 'false')
    })

    test(`agents work in ${memory}: two sessions at once, files, searches, a shell`, async (t) => {
      const container = start(image, { env: { OPENCODE_SERVER_PASSWORD: password, ...played } })
      await playModel(image, container)
      await usable(container)
      for (const place of ['/agent', '/provider', '/config', '/command']) { // as the page does
        await answered(container, place, { timeout: 15 })
      }
      t.diagnostic(`${peak(container)} MiB at most until the page is there`)
      for (let round = 0; round < 2; round++) {
        const ends = [await converse(container), await converse(container)]
        for (const end of ends) assert.deepEqual(await end(), ['bash', 'write', 'grep'])
      }
      t.diagnostic(`${peak(container)} MiB at most with four sessions`)
      assert.equal(docker(['exec', container, 'sh', '-c', 'ls /workspace/many | wc -l']), '304')
      assert.equal(state(container, '{{.State.OOMKilled}} {{.RestartCount}} {{.State.Running}}'),
        'false 0 true')
    })

    test('without the password only the page\'s manifest is served', async () => {
      const container = start(image)
      await usable(container)
      for (const place of ['/', '/app', '/doc', '/path', '/agent', '/config', '/session', '/event',
        '/api/health', '/global/event', '/nowhere'])
        assert.equal((await answered(container, place, { user: null })).status, 401, place)
      const command = ['-X', 'POST', '-H', 'content-type: application/json', '-d',
        '{"agent":"build","command":"id"}']
      assert.equal(get(container, '/session/x/shell', { user: null, more: command }).status, 401)
    })

    test('every visible agent has a model of the table, which OpenCode offers', async () => {
      // `opencode models` starts a second OpenCode.
      const container = start(image, { more: ['--memory', '1g'] })
      await usable(container)
      const agents = (await answered(container, '/agent', { timeout: 15 })).json()
      const offered = docker(['exec', '-e', 'HOME=/workspace/.stack/home', container, 'opencode',
        'models', 'opencode'], { timeout: 400_000 }).split('\n')
      const named = agents.filter((agent) => agent.model)
      for (const { name, model: { providerID, modelID } } of named) {
        const model = `${providerID}/${modelID}`
        assert.ok(offered.includes(model), `${name}: ${model} is not offered`)
      }
      const names = named.map(({ name }) => name.toLowerCase().replace(/-/g, ' '))
      for (const { role, plugin: place } of table.roles) {
        if (plugin && !place.agents) continue // a category, which is not an agent
        const isAgent = names.some((name) => name.startsWith(role.toLowerCase()))
        assert.ok(isAgent, `${role} is not an agent`)
      }
    })

    test('a policy changes the model of a role by an environment variable', async () => {
      const model = render('opencode', 1).small_model
      const container = start(image, { env: { OPENCODE_SERVER_PASSWORD: password,
        STACK_AGENTS: JSON.stringify({ Oracle: model }) } })
      await usable(container)
      const oracle = (await answered(container, '/agent', { timeout: 15 })).json()
        .find(({ name }) => name === 'oracle')
      assert.equal(`${oracle.model.providerID}/${oracle.model.modelID}`, model)
      const wrong = docker(['run', '--rm', '-d', '--label', tag, ...hard,
        ...variables({ OPENCODE_SERVER_PASSWORD: password, STACK_AGENTS: '{"Nobody":"a/b"}' }),
        image])
      assert.equal(run('docker', ['wait', wrong]).out.trim(), '78')
    })

    test('does not start with no password, an empty one, or another owner\'s volume', () => {
      for (const env of [{}, { OPENCODE_SERVER_PASSWORD: '' },
        { OPENCODE_SERVER_PASSWORD: 'short' }]) {
        const { status, err } = run('docker', ['run', '--rm', ...hard, ...variables(env), image])
        assert.equal(status, 78)
        assert.match(err, /OPENCODE_SERVER_PASSWORD must have 16 characters/)
      }
      const foreign = run('docker', ['run', '--rm', ...hard, '--tmpfs',
        '/workspace:uid=0,mode=0755', ...variables({ OPENCODE_SERVER_PASSWORD: password }), image])
      assert.equal(foreign.status, 73)
      assert.match(foreign.err, /is not writable for user 1000/)
    })

    test('a session, a file and a setting survive a killed container', async () => {
      const mount = volume()
      const first = start(image, { mount })
      await usable(first)
      const made = get(first, '/session', { timeout: 15,
        more: ['-X', 'POST', '-H', 'content-type: application/json', '-d', '{"title":"kept"}'] })
        .json()
      docker(['exec', first, 'sh', '-c', 'echo mine >/workspace/file && ' +
        'HOME=/workspace/.stack/home git config --global user.name me'])
      docker(['kill', first])
      docker(['rm', first])
      const second = start(image, { mount })
      await usable(second)
      const sessions = (await answered(second, '/session', { timeout: 15 })).json()
      assert.ok(sessions.some(({ id, title }) => id === made.id && title === 'kept'))
      assert.equal(docker(['exec', second, 'sh', '-c',
        'cat /workspace/file; HOME=/workspace/.stack/home git config --global user.name']),
        'mine\nme')
    })

    test('ends at once on SIGTERM', async () => {
      const container = start(image)
      await usable(container)
      const began = Date.now()
      docker(['stop', container])
      assert.ok(Date.now() - began < 3000, `it took ${Date.now() - began} ms`)
      assert.ok(['0', '143'].includes(state(container, '{{.State.ExitCode}}')))
    })

    test(plugin ? 'includes the plugin\'s licence' : 'contains nothing of the plugin', () => {
      const files = docker(['run', '--rm', '--entrypoint', 'sh', image, '-c',
        'ls /opt/stack/node_modules/oh-my-opencode /shared/config 2>/dev/null || true'])
      if (plugin) assert.match(files, /LICENSE/i)
      else assert.doesNotMatch(files, /oh-my-opencode|LICENSE/)
    })
  })
