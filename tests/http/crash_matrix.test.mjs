// The process dies before or after any commit of any operation: see crash_matrix.mjs.
import { describe, test } from 'node:test'
import { PATIENCE } from './harness.mjs'
import { crashAtEveryCommit, operations } from './crash_matrix.mjs'

describe('killed before and after each commit', () => {
  for (const [what, operation] of Object.entries(operations)) {
    test(what, { timeout: 120_000 * PATIENCE }, async (t) => {
      const { commits, moments } = await crashAtEveryCommit(operation)
      t.diagnostic(`${commits} commits, ${moments} moments: 0 orphans, 0 duplicates, 0 stuck`)
    })
  }
})
