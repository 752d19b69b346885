// The property test's control of the portal: a crash that was armed is no failure, whatever is
// waited for at that moment. The portal is a stand-in that crashes when it is told to.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Portal, temporary } from './harness.mjs'
import { ProcessControl } from '../property/process_control.mjs'

const script = `#!/bin/sh
if [ "$DEPLOYER_CRASH_AT" = start ]; then exit 137; fi
on_hup() {
  if [ -n "$DEPLOYER_CRASH_AT" ]; then exit 137; fi
  echo '{"event":"scripts.loaded"}'
}
trap on_hup HUP
trap 'exit "$\{EXIT:-0}"' TERM
echo '{"event":"portal.listening","port":1}'
while :; do sleep 0.02; done
`

async function start(t, env = {}) {
  const binary = join(temporary('stand-in'), 'portal')
  writeFileSync(binary, script, { mode: 0o755 })
  const portal = new Portal('portal', [], { NODE_ENV: 'production', ...env }, binary)
  await portal.start()
  const trouble = []
  const control = new ProcessControl(portal, (text) => trouble.push(text))
  t.after(async () => {
    control.isEnding = true
    if (!portal.ended) await portal.kill9()
  })
  return { portal, control, trouble }
}
const isRunning = ({ ended }) => assert.equal(ended, null)

test('a reload is loaded', async (t) => {
  const { portal, control, trouble } = await start(t)
  await control.reload()
  assert.equal(portal.log.filter(({ event }) => event === 'scripts.loaded').length, 1)
  assert.deepEqual([trouble, control.crashes], [[], []])
})

test('the armed crash during a reload is no failure; the portal starts again', async (t) => {
  const { portal, control, trouble } = await start(t)
  await control.restart('SIGKILL', '3:after')
  await control.reload()
  await control.isBack(1)
  assert.deepEqual([trouble, control.crashes.length, control.isArmed], [[], 2, false])
  isRunning(portal)
  await control.reload()
  isRunning(portal)
})

test('what was queued when it crashed starts it once', async (t) => {
  const { portal, control, trouble } = await start(t)
  await control.restart('SIGKILL', '3:after')
  const { pid } = portal.child
  await Promise.all([control.reload(), control.restart('SIGKILL'), control.reload()])
  await control.isBack(1)
  isRunning(portal)
  assert.notEqual(portal.child.pid, pid)
  assert.deepEqual([trouble, control.isArmed], [[], false])
  const starts = portal.log.filter(({ event }) => event === 'portal.listening').length
  assert.equal(starts, 3, 'at first, armed, and again')
})

test('a crash before it listens is no failure either', async (t) => {
  const { portal, control, trouble } = await start(t)
  await control.restart('SIGKILL', 'start')
  isRunning(portal)
  assert.deepEqual([trouble, control.isArmed], [[], false])
})

test('an end that nothing asked for is a failure', async (t) => {
  const { portal, control, trouble } = await start(t)
  portal.child.kill('SIGKILL')
  await portal.gone
  await control.isBack(0)
  isRunning(portal)
  assert.match(trouble.join(), /ended by itself: \{"code":null,"signal":"SIGKILL"\}/)
})

test('SIGTERM that ends with another status is a failure', async (t) => {
  const { control, trouble } = await start(t, { EXIT: '3' })
  await control.restart('SIGTERM')
  assert.match(trouble.join(), /SIGTERM ended it with 3/)
})
