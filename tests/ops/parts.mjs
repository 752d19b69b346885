// parts: what the operators' tests share: running a program to its end.
import { spawn } from 'node:child_process'
import { DEPLOYER, TIME_SCALE, temporary } from '../http/harness.mjs'

// { status, out, err, all }
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

// What a portal needs to know, when the double plays Dokploy by the address of a real one.
export const realLike = (rehearsal) => ({
  PATH: process.env.PATH, TIME_SCALE: String(TIME_SCALE), DOKPLOY_URL: rehearsal.url, DOKPLOY_API_TOKEN: 'rehearsal', STACK_DOMAIN_SUFFIX: 'ai.test', STACK_SCHEME: 'http',
  STACK_CONNECT_TO: `127.0.0.1:${rehearsal.port}`, STACK_IMAGE: 'ai-stack:1',
})

// command(args, env): runs one of scripts/commands against the double.
export const commands = (rehearsal) => (args, env = {}) =>
  run(DEPLOYER, args, { env: { ...realLike(rehearsal), DATA_DIR: temporary('command'), ...env } })
