// A short soak; the long one is `make soak JOBS=2000`. SEED= runs a certain one again.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { PATIENCE, seconds } from '../http/harness.mjs'
import { soak } from '../soak/soak.mjs'

const options = { timeout: seconds(240) }
test('200 deployments with faults, cancels and kills: nothing lost or left', options, async (t) => {
  const growth = PATIENCE > 1 ? Infinity : 2 // a sanitizer keeps what is freed
  const seed = Number(process.env.SEED ?? 1)
  const soaked = await soak({ jobs: 200, faults: 10, seed, kills: 4, isQuiet: true, growth })
  for (const line of soaked.table().split('\n')) t.diagnostic(line)
  assert.deepEqual(soaked.trouble, [], `SEED=${seed}`)
})
