// axe-core finds nothing to complain of in any of these states, in any language, light and dark; nor does who enlarges, taps or uses keys.
//   inspect(Object.entries(states))
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { LANGUAGES, hindrances } from './browser.mjs'
import { inEach, openStage } from './states.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const all = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }
const colours = { type: 'rule', values: ['color-contrast', 'color-contrast-enhanced', 'link-in-text-block'] } // the others look at no colour

async function violations(page, runOnly) {
  const found = await page.evaluate((only) => window.axe.run(document, { runOnly: only, resultTypes: ['violations'] }), runOnly)
  return found.violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

// axe needs scripts: of a page without, a copy is looked at in which what stands for scripts is taken away; so is its refreshing of itself,
// which axe frowns at and which is the point of that page (nothing is typed there that could be lost).
async function lively(desk, page, state) {
  if (state.options?.javaScriptEnabled !== false) return page
  const html = (await page.content()).replace(/<\/?noscript[^>]*>|<script.*?<\/script>|<meta[^>]*http-equiv[^>]*>/gs, '')
  const copy = await desk.browser.newPage()
  await copy.route('**/copy', (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }))
  await copy.goto(`${desk.world.portal.url}/copy`)
  return copy
}

async function look({ desk, page: original, language }, state) {
  const page = await lively(desk, original, state)
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
  await page.evaluate(axe)
  assert.deepEqual(await violations(page, all), [], `${language}, light`)
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
  assert.deepEqual(await violations(page, colours), [], `${language}, dark`)
  assert.deepEqual(await hindrances(page), [], language)
  if (page !== original) await page.close()
}

export function inspect(chosen) {
  let desk
  before(async () => { desk = await openStage() })
  after(() => desk?.close())
  for (const [number, [name, state]] of chosen.entries()) {
    test(name, () => inEach(desk, state, LANGUAGES, number, (stage) => look(stage, state)))
  }
}
