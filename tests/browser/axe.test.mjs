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

// axe needs scripts: of a page without, a copy is looked at in which what stands for scripts is taken away; so is its refreshing of itself,
// which axe frowns at and which is the point of that page (nothing is typed there that could be lost).
async function lively(page, state) {
  if (state.options?.javaScriptEnabled !== false) return page
  const html = (await page.content()).replace(/<\/?noscript[^>]*>|<script.*?<\/script>|<meta[^>]*http-equiv[^>]*>/gs, '')
  const copy = await desk.browser.newPage()
  await copy.route('**/copy', (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }))
  await copy.goto(`${desk.world.portal.url}/copy`)
  return copy
}

async function look(original, language, state) {
  const page = await lively(original, state)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    assert.deepEqual(await violations(page), [], `${language}, ${colorScheme}`)
  }
  if (page !== original) await page.close()
}

// A state that stays is entered once, and seen in each language; the others are entered in each.
for (const [number, [name, state]] of Object.entries(states).entries()) {
  const [first, ...others] = LANGUAGES
  for (const language of state.seen ? [first] : LANGUAGES) {
    test(`${name}${state.seen ? '' : ` · ${language}`}`, async () => {
      const { page, leave } = await enter(desk, state, language, `${language}-${number}`)
      await look(page, language, state)
      for (const other of state.seen ? others : []) {
        await page.goto(`${page.url().split('?')[0]}?lang=${other}`)
        await page.waitForSelector(state.seen)
        assert.equal(await page.getAttribute('html', 'lang'), other)
        await look(page, other, state)
      }
      await leave()
    })
  }
}
