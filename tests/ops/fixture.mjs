// What the operators' tests share: running a program to its end, and the commands of the portal.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { DEPLOYER, TIME_SCALE, UNKNOWN_PORT, dokployEnv, temporary } from '../http/harness.mjs'

// Returns { status, out, err, all: both outputs }.
export function run(program, args, { env = process.env, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, cwd })
    let out = '', err = ''
    child.stdout.on('data', (bytes) => { out += bytes })
    child.stderr.on('data', (bytes) => { err += bytes })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, out, err, all: out + err }))
  })
}

// Waits for a run that must succeed.
export async function succeeds(running) {
  const result = await running
  assert.equal(result.status, 0, result.all)
  return result
}

// The environment of a command that uses the double by the address of a real Dokploy. There is no
// registry.
export const commandEnv = (rehearsal) => ({
  PATH: process.env.PATH, TIME_SCALE: String(TIME_SCALE), ...dokployEnv(rehearsal),
  STACK_DOMAIN_SUFFIX: 'ai.test', STACK_IMAGE: `127.0.0.1:${UNKNOWN_PORT}/ai-stack:1`,
})

// Returns command(args, env), which runs one of scripts/commands against the double.
export const commands = (rehearsal) => (args, env = {}) => {
  const DATA_DIR = temporary('command')
  return run(DEPLOYER, args, { env: { ...commandEnv(rehearsal), DATA_DIR, ...env } })
}
