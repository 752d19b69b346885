// A crash at every commit of some operations: crash_matrix.mjs. All of them: tests/long.
import { describe, test } from 'node:test'
import { PATIENCE } from './harness.mjs'
import { crashAtEveryCommit, operations } from './crash_matrix.mjs'

describe('killed before and after each commit', () => {
  for (const what of ['deploy', 'failing deploy', "failing deploy with an installation's step",
    'restart', 'delete with files', 'claim of a warm workspace', 'a workspace made ahead']) {
    test(what, { timeout: 120_000 * PATIENCE }, async (t) => {
      const { commits, moments } = await crashAtEveryCommit(operations[what])
      t.diagnostic(`${commits} commits, ${moments} moments: 0 orphans, 0 duplicates, 0 stuck`)
    })
  }
})
