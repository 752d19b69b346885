// Helpers of the workspace image's tests: the rendered configuration, OpenCode and Docker.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
export const stack = path.join(top, 'stack')
export const table = JSON.parse(readFileSync(path.join(stack, 'agents.json'), 'utf8'))
export const models = [...new Set([table.small.model, ...table.roles.map((role) => role.model)])]

// Runs a program; returns { status, out, err } whatever the status.
export function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args,
    { encoding: 'utf8', maxBuffer: 1 << 26, timeout: 120_000, ...options })
  if (error) throw error
  return { status, out: stdout, err: stderr }
}

export function render(make, plugin, override = {}) {
  const { status, out, err } = run('jq', ['-f', path.join(stack, 'render.jq'), '--arg', 'make',
    make, '--argjson', 'plugin', String(plugin),
    '--argjson', 'override', JSON.stringify(override), path.join(stack, 'agents.json')])
  if (status !== 0) throw new Error(err.trim())
  return JSON.parse(out)
}

// JSON with // comments, as OpenCode reads it. Sufficient for these files, whose strings contain //
// only after a colon.
export const jsonc = (text) => JSON.parse(text.replace(/^\s*\/\/.*$/gm, ''))

// The reason to skip tests without OpenCode or the plugin's schema (tools/opencode.sh), or false.
const fetched = process.env.STACK_PACKAGES ?? path.join(top, 'build/stack')
export const opencode = path.join(fetched, 'opencode')
export const pluginSchema = path.join(fetched, 'plugin.schema.json')
const unless = (file) => existsSync(file) ? false : `tools/opencode.sh could not fetch ${file}`
export const noOpencode = unless(opencode)
export const noSchema = unless(pluginSchema)

export function folder(t, prefix) {
  const made = mkdtempSync(path.join(tmpdir(), `${prefix}-`))
  t.after(() => rmSync(made, { recursive: true, force: true, maxRetries: 20 }))
  return made
}

export function docker(args, options) {
  const { status, out, err } = run('docker', args, options)
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${err.trim() || `status ${status}`}`)
  return out.trim()
}

export function whyNoDocker() {
  try {
    execFileSync('docker', ['info'], { stdio: 'ignore' })
    return false
  } catch {
    return 'there is no Docker engine here that this user may use'
  }
}

// Polls look() until it is true; fails with `what` after a number of seconds. Polling, because
// another program has no events to wait for.
export async function until(what, seconds, look) {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
