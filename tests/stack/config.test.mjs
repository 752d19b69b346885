// Tests the configuration in the workspace image: well formed, complete, generated from one table.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import Ajv from 'ajv'
import { jsonc, models, noSchema, pluginSchema, render, run, stack, table, top } from './parts.mjs'

const read = (name) => readFileSync(path.join(stack, name), 'utf8')

test('each role of the table has a model, its previous model, and a reason', () => {
  assert.deepEqual(table.roles.map((role) => role.role),
    ['Sisyphus', 'Oracle', 'Librarian', 'Explore', 'Frontend', 'Document Writer'])
  for (const { role, model, reason, before, native, plugin } of table.roles) {
    assert.match(model, /^opencode\/[a-z0-9.-]+$/, role)
    assert.ok(reason.length > 20, `${role}: the reason is missing`)
    assert.ok(before && native.prompt && native.description, role)
    assert.ok(plugin.agents || plugin.categories, `${role}: the plugin does not use its model`)
  }
})

test('only the table names models', () => {
  for (const name of ['render.jq', 'render.sh', 'entrypoint.sh', 'healthcheck.sh', 'Dockerfile',
    'config/opencode.jsonc']) {
    const named = models.filter((model) => read(name).includes(`"${model}"`))
    assert.deepEqual(named, [], name)
  }
})

test('the plugin is loaded from the image, and each of its agents has a listed model', () => {
  const config = render('opencode', 1)
  assert.deepEqual(config.plugin, ['file:///opt/stack/node_modules/oh-my-opencode'])
  assert.equal(config.agent, undefined)
  assert.equal(config.autoupdate, false)
  const { agents, categories, auto_update, telemetry } = render('plugin', 1)
  assert.deepEqual([auto_update, telemetry], [false, false])
  const { sisyphus, oracle, librarian, explore } = agents
  const { 'visual-engineering': visual, writing } = categories
  for (const { model } of [sisyphus, oracle, librarian, explore, visual, writing]) {
    assert.ok(models.includes(model), model)
  }
})

test('without the plugin the roles are native agents, with Sisyphus as the default', () => {
  const config = render('opencode', 0)
  assert.equal(config.plugin, undefined)
  assert.deepEqual(Object.keys(config.agent),
    ['Sisyphus', 'oracle', 'librarian', 'explore', 'frontend', 'document-writer'])
  assert.equal(config.default_agent, 'Sisyphus')
  for (const { role, native, model } of table.roles) {
    const agent = Object.values(config.agent).find(({ prompt }) => prompt === native.prompt)
    assert.equal(agent?.model, model, role)
  }
})

test('a policy may change the model of a role, but unknown roles are refused', () => {
  assert.equal(render('plugin', 1, { Oracle: 'vendor/some-model' }).agents.oracle.model,
    'vendor/some-model')
  assert.equal(render('agents', 0, { small: 'opencode/x' }).small_model, 'opencode/x')
  assert.throws(() => render('agents', 0, { Oracel: 'opencode/x' }),
    /unknown role: Oracel \(roles: Sisyphus, Oracle/)
  assert.throws(() => render('agents', 0, { Oracle: 'big-pickle' }), /provider\/model/)
})

// A "*" at the top would override what the agents deny.
test('permissions name their subjects', () => {
  const { permission } = jsonc(read('config/opencode.jsonc'))
  assert.ok(!('*' in permission))
  assert.deepEqual(Object.keys(permission), ['external_directory', 'read', 'bash', 'doom_loop'])
})

test("oh-my-opencode.json fits the plugin's own schema", { skip: noSchema }, () => {
  const validate = new Ajv({ strict: false, logger: false })
    .compile(JSON.parse(readFileSync(pluginSchema, 'utf8')))
  assert.ok(validate(render('plugin', 1)), JSON.stringify(validate.errors))
  assert.ok(!validate({ ...render('plugin', 1), telemetry: 'no' }),
    'the schema accepts anything')
})

test('versions are pinned, and the lock files contain no host name', () => {
  for (const name of ['opencode', 'plugin']) {
    const { dependencies } = JSON.parse(read(`${name}/package.json`))
    for (const version of Object.values(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/)
    assert.doesNotMatch(read(`${name}/bun.lock`), /https?:/)
  }
})

// On a read-only root, a missing file stops the server.
test('every file of the image is in Git', () => {
  const { out } = run('git', ['status', '--porcelain', '--ignored', '--', 'stack'], { cwd: top })
  assert.doesNotMatch(out, /^!! /m)
  const folder = mkdtempSync(path.join(tmpdir(), 'render-'))
  assert.equal(run('sh', [path.join(stack, 'render.sh'), folder, '1']).status, 0)
  assert.deepEqual(readdirSync(folder).sort(),
    ['.gitignore', 'oh-my-opencode.json', 'opencode.json'])
  rmSync(folder, { recursive: true })
})

// A server like a workspace's, and the health check that asks it.
async function healthOf(t, answer) {
  const state = mkdtempSync(path.join(tmpdir(), 'health-'))
  const tools = path.join(state, 'tools')
  mkdirSync(tools)
  writeFileSync(path.join(tools, 'activity.sh'), '#!/bin/sh\n', { mode: 0o755 })
  const server = createServer((request, response) => {
    const [status, body] = answer(request.url, request.headers.authorization) ?? []
    if (status) response.writeHead(status, { 'Content-Length': body.length }).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
    rmSync(state, { recursive: true })
  })
  const env = { PATH: `${tools}:${process.env.PATH}`, PORT: `${server.address().port}`,
    OPENCODE_SERVER_PASSWORD: 'p"a%s\\', STACK_CHECK_DIR: state, STACK_CHECK_SECONDS: '0' }
  return async () => {
    const child = spawn('bash', [path.join(stack, 'healthcheck.sh')], { env })
    return (await once(child, 'close'))[0]
  }
}

const HEALTHY = [200, '{"healthy":true}']
const USABLE = [200, '{"home":"/","directory":"/workspace"}']

test('the health check waits until the workspace opens, also when an answer never comes',
  async (t) => {
    let looks = 0
    const check = await healthOf(t, (url, authorization) => {
      assert.equal(authorization, `Basic ${btoa('opencode:p"a%s\\')}`)
      looks++
      if (looks === 1) return null
      if (looks === 2) return [503, '']
      return url === '/path' ? USABLE : HEALTHY
    })
    assert.equal(await check(), 0)
    assert.equal(looks, 4)
  })

test('the health check fails when the workspace opens no more', async (t) => {
  let path = USABLE
  const check = await healthOf(t, (url) => url === '/path' ? path : HEALTHY)
  assert.equal(await check(), 0)
  for (const bad of [[400, USABLE[1]], [200, ''], [200, '{"directory":"/"}'], [200, '<html>']]) {
    path = bad
    assert.equal(await check(), 1, bad.join(' '))
  }
  path = USABLE
  assert.equal(await check(), 0)
})

test('the scripts are valid for the shell that runs them', () => {
  for (const name of readdirSync(stack).filter((it) => it.endsWith('.sh'))) {
    const shell = read(name).match(/^#!\/bin\/(\w+)/)[1]
    assert.equal(run(shell, ['-n', path.join(stack, name)]).err, '', name)
  }
})

for (const password of [undefined, '', 'short'])
  test(`the entrypoint refuses the password ${JSON.stringify(password)}`, (t) => {
    const env = { PATH: process.env.PATH, STACK_STATE_DIR: '/nonexistent',
      ...(password === undefined ? {} : { OPENCODE_SERVER_PASSWORD: password }) }
    const { status, err } = run('sh', [path.join(stack, 'entrypoint.sh')], { env })
    assert.equal(status, 78)
    assert.match(err, /OPENCODE_SERVER_PASSWORD must have 16 characters or more/)
  })

test('the entrypoint clones STACK_REPOSITORY once, and starts when it cannot', (t) => {
  const place = mkdtempSync(path.join(tmpdir(), 'entrypoint-'))
  t.after(() => rmSync(place, { recursive: true }))
  const [tools, workspace] = ['tools', 'workspace'].map((name) => path.join(place, name))
  const git = (...args) => assert.equal(run('git', ['-C', place, ...args]).status, 0)
  git('init', '-q', 'course')
  git('-C', 'course', '-c', 'user.name=t', '-c', 'user.email=t@example.com', 'commit', '-q',
    '--allow-empty', '-m', 'x')
  mkdirSync(tools)
  mkdirSync(workspace)
  const server = '#!/bin/sh\necho "started in $PWD"\n'
  writeFileSync(path.join(tools, 'opencode'), server, { mode: 0o755 })
  const script = path.join(place, 'entrypoint.sh')
  writeFileSync(script, read('entrypoint.sh').replaceAll('/workspace', workspace))
  const start = (repository) => run('sh', [script], { env: {
    PATH: `${tools}:${process.env.PATH}`, OPENCODE_SERVER_PASSWORD: 'sixteen-letters-',
    OPENCODE_CONFIG_DIR: place, XDG_CACHE_HOME: path.join(place, 'cache'),
    STACK_REPOSITORY: repository,
  } })
  const failed = start(path.join(place, 'nothing'))
  assert.match(failed.err, /STACK_REPOSITORY could not be cloned/)
  assert.match(failed.out, /^started in /)
  assert.equal(start(path.join(place, 'course')).status, 0)
  assert.ok(readdirSync(path.join(workspace, 'course')).includes('.git'))
  rmSync(path.join(workspace, 'course'), { recursive: true })
  assert.equal(start(path.join(place, 'course')).err, '')
  assert.ok(!readdirSync(workspace).includes('course'), 'it is cloned once')
})
