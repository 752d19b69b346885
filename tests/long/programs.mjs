// Programs that this project did not write, as a test runs them.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { seconds } from '../http/harness.mjs'

const folders = process.env.PATH.split(':')

export const hasProgram = (name) => folders.some((folder) => existsSync(`${folder}/${name}`))

// For the options of test(): says why a test is skipped where a program is missing.
export function needs(...names) {
  const missing = names.filter((name) => !hasProgram(name))
  if (missing.length === 0) return {}
  return { skip: `not installed: ${missing.join(', ')} (tools/setup.sh clients)` }
}

// Runs a program to its end; resolves to { code, stdout, stderr } whatever its status.
export const run = (program, args, { input = '', ...options } = {}) =>
  new Promise((resolve, reject) => {
    const settle = (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') return reject(error)
      resolve({ code: error?.code ?? 0, stdout, stderr })
    }
    const { stdin } = execFile(program, args, { timeout: seconds(60), ...options }, settle)
    stdin.on('error', () => {}).end(input) // a program may end before it has read its input
  })
