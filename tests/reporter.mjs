// The reporter of test runs: every failure in full as it comes; at the end a line per file, the
// names of what failed, and a line per family. TEST_VERBOSE=1: every test, and what tests print.
import { writeFileSync } from 'node:fs'
import { basename, dirname, relative } from 'node:path'
import { inspect } from 'node:util'

const isVerbose = Boolean(process.env.TEST_VERBOSE)
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`

class File {
  constructor(path) {
    Object.assign(this, { path, passed: 0, failed: [], skipped: new Set(), ms: 0 })
  }

  add({ name, details, skip, todo }, isPass) {
    if (skip !== undefined || todo !== undefined) this.skipped.add(skip || 'no reason given')
    else if (!isPass) this.failed.push(name)
    else if (details.type !== 'suite') this.passed++
  }

  line() {
    const failed = this.failed.length > 0 ? `, ${this.failed.length} FAILED` : ''
    const reasons = [...this.skipped].map((reason) => `, skipped: ${reason}`).join('')
    const mark = this.failed.length > 0 ? '✖' : '✔'
    const names = this.failed.map((name) => `    ✖ ${name}\n`).join('')
    const counts = `${this.passed} passed${failed}${reasons}`
    return `${mark} ${this.path}: ${counts}, ${seconds(this.ms)}\n${names}`
  }
}

function describeFailure({ name, details }, path) {
  const { error } = details
  const cause = error.cause instanceof Error ? error.cause : error
  return `✖ ${path}: ${name}\n${inspect(cause).replace(/^/gm, '    ')}\n`
}

export default async function* report(source) {
  const files = new Map()
  for await (const { type, data } of source) {
    const isPrinted = type === 'test:stdout' || type === 'test:stderr'
    if (isPrinted && isVerbose) yield data.message
    if (!data.file) continue
    const path = relative(process.cwd(), data.file)
    if (!files.has(path)) files.set(path, new File(path))
    const file = files.get(path)
    const isFile = data.name === data.file // the runner's own test, which holds all others
    if (type === 'test:complete' && isFile) file.ms = data.details.duration_ms
    if (type === 'test:diagnostic' && isVerbose) yield `  ℹ ${data.message}\n`
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const isPass = type === 'test:pass'
    const isOfSubtests = data.details.error?.failureType === 'subtestsFailed'
    if (isOfSubtests || (isFile && isPass)) continue
    file.add(data, isPass)
    if (!isPass) yield describeFailure(data, path)
    else if (isVerbose) yield `  ✔ ${data.name} (${seconds(data.details.duration_ms)})\n`
  }
  const failed = [...files.values()].filter((file) => file.failed.length > 0)
  if (process.env.FAILED_FILES) {
    writeFileSync(process.env.FAILED_FILES, failed.map((file) => `${file.path}\n`).join(''))
  }
  const families = new Map()
  for (const file of [...files.values()].sort((a, b) => b.ms - a.ms)) {
    yield file.line()
    const family = basename(dirname(file.path))
    const sum = families.get(family) ?? { passed: 0, failed: 0 }
    sum.passed += file.passed
    sum.failed += file.failed.length
    families.set(family, sum)
  }
  for (const [family, { passed, failed }] of families) {
    yield `${failed > 0 ? 'RED  ' : 'green'} ${family}: ${passed} passed, ${failed} failed\n`
  }
}
