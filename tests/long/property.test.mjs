// A minute of the property test for each seed; a longer one is `make property RUNS=200`. SEED= runs
// a certain seed in place of the random one.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { seconds } from '../http/harness.mjs'

// Inside the image's build there are no npm packages.
const { check, summary } = await import('../property/property.mjs').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  return {}
})
const skip = check ? false : 'fast-check is missing: npm ci --prefix tests'
const random = Number(process.env.SEED ?? Date.now() % 1000000)

for (const [what, seed] of [['a fixed seed', 1], ['a random seed', random]]) {
  const options = { timeout: seconds(240), skip }
  test(`${what} (SEED=${seed}): the invariants hold`, options, async (t) => {
    const done = await check({ runs: 40, seed, limit: 60, shrink: 90 })
    for (const line of summary(done).split('\n')) t.diagnostic(line)
    assert.equal(done.failed, null, `\n${done.failed}`)
  })
}
