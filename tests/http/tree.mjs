// Folders of the tests: temporary ones, and copies of the tree that an admin edits.
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

// Folders and running processes, removed when the tests' process exits.
export const leftovers = new Set()
process.on('exit', () => {
  for (const thing of leftovers) thing.discard()
})

export function temporary(prefix) {
  const path = mkdtempSync(join(tmpdir(), `deployer-${prefix}-`))
  leftovers.add({ discard: () => rmSync(path, { recursive: true, force: true }) })
  return path
}

// A copy of everything an admin edits. edit(path, text => text) replaces a file as editors do: as a
// whole, by rename. It fails when the edit changes nothing.
export function copyTree(edits = {}) {
  const root = temporary('root')
  for (const part of ['config.lua', 'scripts', 'www', 'locales']) {
    cpSync(join(top, part), join(root, part), { recursive: true })
  }
  const tree = {
    root,
    read: (path) => readFileSync(join(root, path), 'utf8'),
    write(path, text) {
      writeFileSync(join(root, `${path}.new~`), text)
      renameSync(join(root, `${path}.new~`), join(root, path))
    },
    edit(path, change) {
      const original = tree.read(path)
      const edited = change(original)
      assert.ok(edited !== original, `the edit of ${path} changes nothing`)
      tree.write(path, edited)
    },
  }
  if (process.env.SANITIZED) { // a sanitized portal loads its scripts ten times as slowly
    tree.edit('config.lua', (text) => text.replace('script_seconds = 1,', 'script_seconds = 10,'))
  }
  for (const [path, change] of Object.entries(edits)) tree.edit(path, change)
  return tree
}

// An admin's edit: how many deployments run at once, and how many may wait.
export const queueLimits = (running, queue = 50) => ({
  'config.lua': (text) => text
    .replace(/running_deployments = \d+/, `running_deployments = ${running}`)
    .replace(/\bqueue = \d+/, `queue = ${queue}`),
})
