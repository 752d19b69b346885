// A crash at every commit of every operation, on both versions of Dokploy: crash_matrix.mjs.
import { describe, test } from 'node:test'
import { PATIENCE, VERSIONS } from '../http/harness.mjs'
import { crashAtEveryCommit, operations } from '../http/crash_matrix.mjs'

for (const version of VERSIONS) {
  describe(`Dokploy ${version}: killed before and after each commit`, () => {
    for (const [what, operation] of Object.entries(operations)) {
      if (operation.removesVolumes && version === '0.26.5') continue
      test(what, { timeout: 120_000 * PATIENCE }, async (t) => {
        const { commits, moments } = await crashAtEveryCommit(operation, version)
        t.diagnostic(`${commits} commits, ${moments} moments: 0 orphans, 0 duplicates, 0 stuck`)
      })
    }
  })
}
