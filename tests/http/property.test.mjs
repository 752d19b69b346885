// A short run of the property test: the long one is `make property RUNS=200`. SEED= plays a certain one in place of the random one.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { seconds } from './harness.mjs'

// Where the tests run inside the image's build, there are no packages of npm.
const { check, summary } = await import('../property/property.mjs').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  return {}
})
const skip = check ? false : 'fast-check is not at hand: npm ci --prefix tests'

const random = Number(process.env.SEED ?? Date.now() % 1000000)

for (const [what, seed] of [['a seed that stays', 1], ['a seed of its own', random]]) {
  test(`${what} (SEED=${seed}): whatever is done to it, the books are right`, { timeout: seconds(240), skip }, async (t) => {
    const done = await check({ runs: 12, seed, limit: 25, shrink: 90 })
    for (const line of summary(done).split('\n')) t.diagnostic(line)
    assert.equal(done.failed, null, `\n${done.failed}`)
  })
}
