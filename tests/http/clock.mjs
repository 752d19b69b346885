// A time of day that a test sets, for portals that are started with `env`.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { temporary } from './harness.mjs'

export const HOURS = 3600

function reasonToSkip() {
  if (process.env.SANITIZED) return 'nothing can be preloaded beside the sanitizers'
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'this needs a C compiler'
  }
}

export const skip = reasonToSkip()

// Call it in describe() or at the top of a file. `env` is for the portal; set(seconds) sets its
// clock that much ahead of the real one, or behind.
export function settableClock() {
  if (skip) return { env: {}, set() {} }
  const folder = temporary('clock')
  const library = join(folder, 'clock.so')
  const source = fileURLToPath(new URL('clock.c', import.meta.url))
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
  const path = join(folder, 'seconds')
  const bytes = Buffer.alloc(8)
  writeFileSync(path, bytes)
  const file = openSync(path, 'r+')
  after(() => closeSync(file))
  return {
    env: { LD_PRELOAD: library, CLOCK_FILE: path },
    set(seconds) {
      bytes.writeBigInt64LE(BigInt(Math.round(seconds)))
      writeSync(file, bytes, 0, 8, 0)
    },
  }
}
