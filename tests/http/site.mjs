// An installation's own folder for a test: siteOf({ 'policy/names.lua': '...' }). Give its `env` to
// the portal; write and remove files as an admin does, as a whole.
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { DEPLOYER, temporary, top } from './harness.mjs'

export function siteOf(files = {}) {
  const path = temporary('site')
  const site = {
    path,
    env: { SITE_DIR: path },
    write(file, text) {
      const target = join(path, file)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(`${target}.new~`, text)
      renameSync(`${target}.new~`, target)
    },
    remove: (file) => rmSync(join(path, file)),
    // What `deployer --check` says of it: its exit status and its output.
    check(env = {}) {
      const { status, stdout, stderr } = spawnSync(DEPLOYER, ['--root', top, '--check'], {
        env: { PATH: process.env.PATH, DATA_DIR: temporary('check'), ...site.env, ...env },
        encoding: 'utf8',
      })
      return { status, text: stdout + stderr }
    },
  }
  for (const [file, text] of Object.entries(files)) site.write(file, text)
  return site
}
