// A short run of the property test: the long one is `make property RUNS=200`. SEED= plays a certain one in place of the random one.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { seconds } from './harness.mjs'
import { check, summary } from '../property/property.mjs'

const random = Number(process.env.SEED ?? Date.now() % 1000000)

for (const [what, seed] of [['a seed that stays', 1], ['a seed of its own', random]]) {
  test(`${what} (SEED=${seed}): whatever is done to it, the books are right`, { timeout: seconds(240) }, async (t) => {
    const done = await check({ runs: 12, seed, limit: 25, shrink: 90 })
    for (const line of summary(done).split('\n')) t.diagnostic(line)
    assert.equal(done.failed, null, `\n${done.failed}`)
  })
}
