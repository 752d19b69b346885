// house: a copy of the scripts with less patience, so that what a fault makes them wait for need not be waited out in full.
import { copyRoot } from '../http/harness.mjs'

const steps = ['project', 'application', 'settings', 'domain', 'deploy', 'outcome', 'health']

// For a long run of many: `running` at once.
const calm = { step: 20, all: 120, running: 16, sweep: 2, hold: [2, 4] }

// For many short runs of few: also what goes well goes fast.
const hasty = { step: 10, all: 60, running: 16, sweep: 1, hold: [0.5, 1] }

const number = (name, value) => [new RegExp(`\\b${name} = \\d+`), `${name} = ${value}`]
const haste = {
  'scripts/steps/health.lua': [['ctx:sleep(1)', 'ctx:sleep(0.1)']],
  'scripts/steps/outcome.lua': [number('PAUSE', 0.1), number('PATIENCE', 20), number('BLIND', 3)],
  'scripts/lib/operations/submission.lua': [number('BLIND', 2), ['ctx:sleep(1)', 'ctx:sleep(0.1)']],
  'scripts/lib/operations/operate.lua': [number('deadline', 30), number('stopping', 8), number('healthy', 8), [/task\.sleep\(1\)/g, 'task.sleep(0.1)']],
  'scripts/lib/operations/undo.lua': [number('quiet', 10), number('gone', 10), number('free', 5), ['task.sleep(1)', 'task.sleep(0.1)']],
  'scripts/lib/operations/runner.lua': [['{ 3, 10, 0 }', '{ 0.3, 1, 0 }']],
  'scripts/lib/operations/create.lua': [['task.sleep(0.5)', 'task.sleep(0.2)']],
  'scripts/lib/operations/purge.lua': [['task.sleep(0.5)', 'task.sleep(0.1)']],
  'scripts/lib/dokploy/retry.lua': [['base = 0.5', 'base = 0.1'], number('cap', 1)],
  'scripts/lib/workspaces/reconcile.lua': [number('tick', 1), number('round', 2), number('again', 1)],
  'scripts/lib/workspaces/monitor.lua': [number('round', 2)],
  'scripts/lib/workspaces/sweeper.lua': [number('deadline', 20)],
}

// { root, edit, late }: the copy, and what each state and step of it may take, in seconds.
export function impatient({ quick = false } = {}) {
  const house = copyRoot()
  const { step, all, running, sweep, hold } = quick ? hasty : calm
  const change = (path, from, to) => house.edit(path, (text) => text.replace(from, to))
  change('scripts/lib/dokploy/call.lua', /timeout = \d+/, 'timeout = 1')
  change('scripts/lib/dokploy/init.lua', /timeout = 30/g, 'timeout = 2')
  for (const name of steps) change(`scripts/steps/${name}.lua`, ...number('deadline', step))
  change('scripts/steps/init.lua', /deadline = \d+,/, `deadline = ${all},`)
  change('scripts/lib/workspaces/init.lua', '"round.sweeper", 60', `"round.sweeper", ${sweep}`)
  change('scripts/lib/dokploy/breaker.lua', /first_hold = \d+/, `first_hold = ${hold[0]}`)
  change('scripts/lib/dokploy/breaker.lua', /last_hold = \d+/, `last_hold = ${hold[1]}`)
  change('config.lua', ...number('running_deployments', running))
  if (quick) for (const [path, changes] of Object.entries(haste)) for (const [from, to] of changes) change(path, from, to)
  const read = (path, pattern) => Number(house.read(path).match(pattern)[1])
  const state = (name) => read('scripts/lib/journal/states.lua', new RegExp(`\\b${name} = \\{[^}]*deadline = (\\d+)`))
  const late = { queued: state('queued'), rolling_back: state('rolling_back'), deleting: state('deleting'), other: state('restarting'), step, all }
  return { ...house, late }
}
