// `make run`: both programs in the foreground with their URLs, ended together; each writes its own
// log. The rehearsal outlives a portal that ends.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DEPLOYER, inWorld, request, temporary, top, until } from './harness.mjs'

function run(t, variables = {}) {
  const data = temporary('run')
  const env = {
    PATH: process.env.PATH, DEPLOYER, DATA_DIR: data, PORT: '0', REHEARSAL_PORT: '0', ...variables,
  }
  const stdio = ['ignore', 'pipe', 'pipe']
  const child = spawn(join(top, 'tools/run.sh'), [], { env, stdio })
  const lines = []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  const closed = once(child, 'close').then(([code]) => code)
  t.after(() => child.exitCode ?? child.kill('SIGTERM'))
  const output = () => lines.join('\n')
  const prints = (pattern) => until(() => output().match(pattern), `${pattern} is printed`)
    .catch((error) => { throw new Error(`${error.message}:\n${output()}`) })
  const log = (name) => readFileSync(join(env.DATA_DIR, 'log', name), 'utf8')
  return { child, output, closed, prints, log, data }
}

// The process ids of the programs that the script started: portal and rehearsal.
function programsOf({ pid }) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  const commands = children.map((id) => [id, readFileSync(`/proc/${id}/cmdline`, 'utf8')])
  const ofDeployer = commands.filter(([, command]) => command.startsWith(DEPLOYER))
  const isRehearsal = ([, command]) => command.includes('--rehearsal')
  return {
    portal: Number(ofDeployer.find((it) => !isRehearsal(it))[0]),
    rehearsal: Number(ofDeployer.find(isRehearsal)[0]),
  }
}

test('it prints the URLs, serves, and ends both at Ctrl-C', async (t) => {
  const { child, closed, prints, output, log } = run(t)
  const [, rehearsal] = await prints(/Rehearsal: (\S+)/)
  const [, portal] = await prints(/Portal: +(\S+)/)
  await prints(/Ctrl-C ends all/)
  assert.equal((await request(`${portal}/health`)).status, 200)
  assert.equal((await request(`${rehearsal}/__rehearsal/state`)).status, 200)
  child.kill('SIGINT')
  assert.equal(await closed, 0, output())
  for (const url of [portal, rehearsal]) {
    await assert.rejects(request(`${url}/health`), /ECONNREFUSED/)
  }
  for (const name of ['portal', 'rehearsal']) {
    assert.match(log(`${name}.log`), new RegExp(`"${name}\\.listening"`))
  }
  assert.doesNotMatch(output(), /"level":"info"/, 'only what a person needs is printed')
})

test("the previous run's logs are kept", async (t) => {
  const DATA_DIR = temporary('run')
  for (let turn = 0; turn < 2; turn++) {
    const { child, closed, prints } = run(t, { DATA_DIR })
    await prints(/Ctrl-C ends all/)
    child.kill('SIGINT')
    assert.equal(await closed, 0)
  }
  for (const name of ['portal.log', 'portal.log.1', 'rehearsal.log.1']) {
    assert.match(readFileSync(join(DATA_DIR, 'log', name), 'utf8'), /listening/)
  }
})

test('a portal that cannot start prints why, and the rehearsal ends too', async (t) => {
  const DATA_DIR = temporary('run')
  writeFileSync(join(DATA_DIR, 'journal.db'), 'not a database')
  const { closed, output } = run(t, { DATA_DIR })
  assert.equal(await closed, 1)
  assert.match(output(), /portal: .*"level":"error"/)
  assert.match(output(), /The portal did not start/)
  const [, rehearsal] = output().match(/Rehearsal: (\S+)/)
  await assert.rejects(request(`${rehearsal}/__rehearsal/state`), /ECONNREFUSED/)
})

test('when the portal ends, the rehearsal stays until Ctrl-C', async (t) => {
  const { child, closed, prints } = run(t, { ACCESS: 'closed', ADMIN_TOKEN: 'not-to-be-shown' })
  const [, rehearsal] = await prints(/Rehearsal: (\S+)/)
  await prints(/Ctrl-C ends all/)
  process.kill(programsOf(child).portal, 'SIGKILL')
  await prints(/The portal has ended \(status 137\)/)
  const [command] = await prints(new RegExp(`^ .*\\bPORT=0 .*${basename(DEPLOYER)}$`, 'm'))
  const port = `REHEARSAL_PORT=${new URL(rehearsal).port} `
  for (const part of ['ACCESS=closed', 'ADMIN_TOKEN=... ', 'DATA_DIR=/', port]) {
    assert.ok(command.includes(part), command)
  }
  assert.ok(!command.includes('not-to-be-shown'))
  assert.equal((await request(`${rehearsal}/__rehearsal/state`)).status, 200)
  child.kill('SIGINT')
  assert.equal(await closed, 0)
})

test('a port that is taken is reported with the cure', inWorld({}, async ({ portal }, t) => {
  const { closed, output } = run(t, { PORT: String(portal.port) })
  assert.equal(await closed, 1)
  const cure = new RegExp(`Port ${portal.port}.*is taken[^]*PORT=\\d+ make run`)
  assert.match(output(), cure)
}))
