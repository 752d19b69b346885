// What the measurements share: numbers of the environment, what a process uses, and a portal that
// logs to a file, as in production; the harness would use processor time to read the log.
import { spawn } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { ADMIN, DEPLOYER, temporary, until } from '../http/harness.mjs'

export const number = (name, otherwise) => Number(process.env[name] ?? otherwise)
export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]

export const residentMb = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8')
  .match(/VmRSS:\s+(\d+)/)[1]) / 1024

// Other load on the machine hardly affects it.
const statOf = (pid) =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').map(Number)
export function processorSeconds(pid) {
  const fields = statOf(pid)
  return (fields[11] + fields[12]) / 100
}

// Of the processes that it started and that have ended.
export function childSeconds(pid) {
  const fields = statOf(pid)
  return (fields[13] + fields[14]) / 100
}

// Resolves to { pid, url, folder, output(): the log, end(signal) }.
export async function startLogged(root, rehearsal, variables = {}) {
  const folder = temporary('bench')
  const log = join(folder, 'log')
  const env = {
    PATH: process.env.PATH, NODE_ENV: 'test', DATA_DIR: folder, PORT: '0', ADMIN_TOKEN: ADMIN,
    REHEARSAL_PORT: String(rehearsal.port), ...variables,
  }
  const stdio = ['ignore', openSync(log, 'a'), 'inherit']
  const child = spawn(DEPLOYER, ['--root', root], { env, stdio })
  const output = () => readFileSync(log, 'utf8')
  const isListening = () => output().match(/"portal\.listening".*?"port":(\d+)/)
  const [, port] = await until(isListening, 'the portal listens')
  return {
    pid: child.pid, url: `http://127.0.0.1:${port}`, folder, output,
    async end(signal) {
      child.kill(signal)
      await once(child, 'exit')
    },
  }
}
