// axe-core finds nothing to complain of, in any state of the page, in any language, light and dark.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { LANGUAGES } from './browser.mjs'
import { enter, openStage, states } from './states.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const rules = ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

let desk
before(async () => { desk = await openStage() })
after(() => desk?.close())

async function violations(page) {
  await page.evaluate(axe)
  const found = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: 'tag', values } }), rules)
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

for (const [number, [name, state]] of Object.entries(states).entries()) {
  for (const language of LANGUAGES) {
    test(`${name} · ${language}`, async () => {
      const { page, leave } = await enter(desk, state, language, `${language}-${number}`)
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        assert.deepEqual(await violations(page), [], colorScheme)
      }
      await leave()
    })
  }
}
