// A short soak: the long one is `make soak JOBS=2000`. SEED= plays a certain one again.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { PATIENCE, seconds } from './harness.mjs'
import { soak } from '../soak/soak.mjs'

test('60 deployments with faults, cancels, deletes and a kill -9: nothing lost, nothing left', { timeout: seconds(120) }, async (t) => {
  const seed = Number(process.env.SEED ?? 1)
  const soaked = await soak({ jobs: 60, faults: 10, seed, kills: 2, quick: true, ...(PATIENCE > 1 ? { growth: Infinity } : {}) }) // a sanitizer keeps what is freed
  for (const line of soaked.table().split('\n')) t.diagnostic(line)
  assert.deepEqual(soaked.trouble, [], `SEED=${seed}`)
})
