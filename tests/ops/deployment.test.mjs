// docs/deployment.md: its checklists give the answers that it names, and the unit for systemd
// starts a portal that is ready.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import {
  ADMIN, DEPLOYER, Program, startPortal, startRehearsal, temporary, top,
} from '../http/harness.mjs'
import { commandEnv, run } from './fixture.mjs'

const text = readFileSync(join(top, 'docs/deployment.md'), 'utf8')
const section = (title) => text.match(new RegExp(`\n## ${title}\n([^]*?)\n## `))[1]
const rows = (title) => [...section(title).matchAll(/^\| `(.+?)` \| `(.+?)`.* \|$/gm)]
  .map(([, command, answer]) => ({ command: command.replaceAll('\\|', '|'), answer }))

let rehearsal, portal
before(async () => {
  rehearsal = await startRehearsal()
  portal = await startPortal({ rehearsal, env: { ...commandEnv(rehearsal), RELEASE: 'v1' } })
})
after(async () => {
  await portal.stop()
  await rehearsal.stop()
})

const DNS = /^getent / // asks the system's resolver, which knows no test names
for (const [title, least] of [['Before', 5], ['After', 6]]) {
  test(`each command of the list "${title}" answers as it says`, async () => {
    const list = rows(title)
    assert.ok(list.length >= least)
    const env = {
      ...commandEnv(rehearsal), PORTAL: portal.url, RELEASE: 'v1', ADMIN_TOKEN: ADMIN,
      DATA_DIR: temporary('list'),
    }
    for (const { command, answer } of list.filter((row) => !DNS.test(row.command))) {
      const line = command.replace('build/deployer', DEPLOYER)
      const { out } = await run('bash', ['-c', line], { cwd: top, env })
      assert.ok(out.includes(answer.replace('$RELEASE', 'v1')), `${command}: ${out}`)
    }
  })
}

describe('a machine of its own', () => {
  const folder = temporary('machine')
  const unitFile = join(folder, 'etc/systemd/system/deployer.service')
  const here = (path) => path.replace(/^\/(opt|etc|var)\//, `${folder}/$1/`)

  test('make install puts everything where the unit looks', async () => {
    const { status, all } = await run('make', ['-o', 'all', 'install', `DEPLOYER=${DEPLOYER}`,
      `DESTDIR=${folder}`], { cwd: top })
    assert.equal(status, 0, all)
    const copy = join(temporary('unit'), 'deployer.service')
    writeFileSync(copy, readFileSync(unitFile, 'utf8').replaceAll('/opt/', `${folder}/opt/`))
    const verify = spawnSync('systemd-analyze', ['verify', copy], { encoding: 'utf8' })
    if (!verify.error) assert.doesNotMatch(verify.stderr, /deployer\.service/)
  })

  test('what the unit starts is ready', async () => {
    const unit = readFileSync(unitFile, 'utf8')
    const variables = Object.fromEntries(unit.match(/^Environment=(.*)$/m)[1].split(' ')
      .map((pair) => pair.split('=')))
    const file = readFileSync(here(unit.match(/^EnvironmentFile=(.*)$/m)[1]), 'utf8')
    for (const [, name, value] of file.matchAll(/^(\w+)=(.*)$/gm)) variables[name] = here(value)
    for (const name of ['DOKPLOY_API_TOKEN_FILE', 'ADMIN_TOKEN_FILE', 'PROXY_SECRET_FILE']) {
      writeFileSync(variables[name], `${ADMIN}\n`, { mode: 0o600 })
    }
    const [binary, ...args] = unit.match(/^ExecStart=(.*)$/m)[1].split(' ').map(here)
    const program = new Program('portal', args, {
      ...variables, DATA_DIR: temporary('state'), DOKPLOY_URL: rehearsal.url, PORT: '0',
    }, binary)
    await program.start()
    try {
      const { port } = program.log.find(({ event }) => event === 'portal.listening')
      const { out } = await run('curl', ['-s', '-H', 'Host: portal.example.com',
        `http://127.0.0.1:${port}/ready`])
      assert.match(out, /"status":"ready"/)
    } finally {
      await program.stop()
    }
  })
})
