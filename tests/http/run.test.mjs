// `make run`: both processes in the foreground, the address said, ended together; the double outlives the portal.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEPLOYER, request, startAll, temporary, until } from './harness.mjs'

const script = resolve(dirname(fileURLToPath(import.meta.url)), '../../tools/run.sh')

function run(env = {}) {
  const data = temporary('run')
  const child = spawn(script, [], { env: { PATH: process.env.PATH, DEPLOYER, DATA_DIR: data, PORT: '0', REHEARSAL_PORT: '0', ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = []
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', (line) => said.push(line))
  const closed = once(child, 'close').then(([code]) => code)
  const says = (pattern) => until(() => said.join('\n').match(pattern), `${pattern}; said:\n${said.join('\n')}`)
  return { child, said, closed, says, data }
}

test('it says where to look, does the job, and ends both at Ctrl-C', async () => {
  const { child, closed, says, said, data } = run()
  const [, rehearsal] = await says(/Rehearsal: (\S+)/)
  const [, portal] = await says(/Portal: +(\S+)/)
  await says(/Ctrl-C ends all/)
  assert.equal((await request(`${portal}/health`)).status, 200)
  assert.equal((await request(`${rehearsal}/__rehearsal/state`)).status, 200)
  child.kill('SIGINT')
  assert.equal(await closed, 0, said.join('\n'))
  for (const url of [portal, rehearsal]) await assert.rejects(request(`${url}/health`), /ECONNREFUSED/)
  assert.match(readFileSync(join(data, 'log/portal.log'), 'utf8'), /"portal\.listening"/)
  assert.match(readFileSync(join(data, 'log/rehearsal.log'), 'utf8'), /"rehearsal\.listening"/)
})

test('the logs of the run before are kept', async () => {
  const DATA_DIR = temporary('run')
  for (let turn = 0; turn < 2; turn++) {
    const { child, closed, says } = run({ DATA_DIR })
    await says(/Ctrl-C ends all/)
    child.kill('SIGINT')
    assert.equal(await closed, 0)
  }
  for (const name of ['portal.log', 'portal.log.1', 'rehearsal.log.1']) assert.match(readFileSync(join(DATA_DIR, 'log', name), 'utf8'), /listening/)
})

test('when the portal ends, the double stays until Ctrl-C', async () => {
  const { child, closed, says } = run({ ACCESS: 'closed', ADMIN_TOKEN: 'not-to-be-shown' })
  const [, rehearsal] = await says(/Rehearsal: (\S+)/)
  await says(/Ctrl-C ends all/)
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')
  const [pid] = children.filter((id) => readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0').length === 2) // the double has an argument
  process.kill(Number(pid), 'SIGKILL')
  await says(/The portal has ended \(status 137\)/)
  const [command] = await says(new RegExp(`^ .*\\bPORT=0 .*${basename(DEPLOYER)}$`, 'm'))
  for (const part of ['ACCESS=closed', 'ADMIN_TOKEN=... ', 'DATA_DIR=/', `REHEARSAL_PORT=${new URL(rehearsal).port} `]) assert.ok(command.includes(part), command)
  assert.ok(!command.includes('not-to-be-shown'))
  assert.equal((await request(`${rehearsal}/__rehearsal/state`)).status, 200)
  child.kill('SIGINT')
  assert.equal(await closed, 0)
})

test('a port that is taken is told with the cure', async () => {
  const world = await startAll()
  try {
    const { closed, said } = run({ PORT: String(world.portal.port) })
    assert.equal(await closed, 1)
    assert.match(said.join('\n'), new RegExp(`Port ${world.portal.port}.*is taken[^]*PORT=\\d+ make run`))
  } finally {
    await world.stop()
  }
})
