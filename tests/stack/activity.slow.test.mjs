// The report of what is at work in a workspace: stack/activity.sh, among processes of its own.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { folder, run, stack, until } from './parts.mjs'

const unshare = ['--user', '--map-root-user', '--pid', '--fork', '--mount-proc', '--kill-child']
const skip = run('unshare', [...unshare, 'true']).status !== 0 && 'it may not make namespaces'
  || run('sh', ['-c', 'command -v ss awk script nsenter']).status !== 0 && 'a tool is missing'

// A process 1 that starts what the test tells it, and `opencode`, which does nothing.
async function container(t) {
  const state = folder(t, 'activity')
  const database = path.join(state, 'home/.local/share/opencode')
  mkdirSync(database, { recursive: true })
  symlinkSync(run('sh', ['-c', 'command -v sleep']).out.trim(), path.join(state, 'opencode'))
  const init = spawn('unshare', [...unshare, 'setsid', 'sh', '-c',
    `${state}/opencode 1000 & while read -r line; do eval "$line"; done`],
  { stdio: ['pipe', 'ignore', 'inherit'] })
  t.after(() => init.kill('SIGKILL'))
  const outer = await until('process 1', 10, () => run('pgrep', ['-P', init.pid]).out.trim())
  let port = 1
  return {
    database,
    use(number) { port = number },
    start(command) { init.stdin.write(`${command} &\n`) },
    // Seconds for which nothing was at work.
    measure() {
      const env = { PATH: process.env.PATH, STACK_STATE_DIR: state, PORT: String(port),
        STACK_ACTIVITY_FILE: path.join(state, 'last'), STACK_ACTIVITY_SECONDS: '1' }
      const { status, err } = run('nsenter', ['--preserve-credentials', '-U', '-p', '-m', '-t',
        outer, 'sh', path.join(stack, 'activity.sh')], { env })
      assert.deepEqual([status, err], [0, ''])
      const { at, idle } = JSON.parse(readFileSync(path.join(state, 'activity.json'), 'utf8'))
      assert.ok(Math.abs(at - Date.now() / 1000) < 5)
      return idle
    },
  }
}

test('nothing at work is idle', { skip }, async (t) => {
  const box = await container(t)
  assert.equal(box.measure(), 0, 'the first time')
  await pause(4000)
  const idle = box.measure()
  assert.ok(idle >= 3 && idle <= 6, `${idle} s`)
})

test('a program, a terminal and a session are at work', { skip }, async (t) => {
  for (const begin of [
    (box) => box.start("timeout 2 sh -c 'while :; do :; done'"),
    (box) => box.start('script -qc "sleep 1000" /dev/null >/dev/null'),
    (box) => writeFileSync(path.join(box.database, 'opencode.db-wal'), 'x'),
    (box) => rmSync(box.database, { recursive: true }),
  ]) {
    const box = await container(t)
    box.measure()
    await pause(2000)
    assert.ok(box.measure() > 0)
    begin(box)
    await pause(2000)
    assert.equal(box.measure(), 0, String(begin))
  }
})

test('a stream is at work, a connection that is kept open is not', { skip }, async (t) => {
  const timers = []
  const server = createServer((req, res) => {
    res.write('begin\n')
    if (req.url === '/stream') timers.push(setInterval(() => res.write('beat\n'), 1000))
    else res.end()
  })
  server.keepAliveTimeout = 60_000
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.after(() => {
    timers.forEach(clearInterval)
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address()
  const ask = (place) => get({ host: '127.0.0.1', port, path: place, agent: false,
    headers: { connection: 'keep-alive' } }, (res) => res.resume()).on('error', () => {})
  const box = await container(t)
  box.use(port)
  box.measure()
  ask('/')
  await pause(7000)
  assert.ok(box.measure() >= 5, 'only kept open')
  ask('/stream')
  await pause(7000)
  assert.equal(box.measure(), 0, 'a stream')
})
