// Accessibility: axe-core finds nothing in any state; nor do checks for visitors who enlarge the
// page, tap, or use a keyboard. Each state is looked at in one language and one colour scheme, in
// turn; A11Y=all looks at all languages and both schemes.
//   checkScenes(scenes, share)   share: { from, step }, so that files share the scenes
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { LANGUAGES } from './browser_fixture.mjs'
import { play, startStage } from './scenes.mjs'

const isFull = process.env.A11Y === 'all'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const all = {
  type: 'tag',
  values: ['wcag2a', 'wcag2aa', 'wcag2aaa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
}

async function violations(page) {
  const found = await page.evaluate((runOnly) =>
    window.axe.run(document, { runOnly, resultTypes: ['violations'] }), all)
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

// What is wrong for visitors with a screen of 320 pixels (which is a zoom of 400 %), with text of
// twice the size, who tap with a finger, who use keys.
async function barriers(page) {
  const found = []
  const isTooWide = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  const setFontSize = (size) =>
    page.evaluate((value) => { document.documentElement.style.fontSize = value }, size)
  const before = page.viewportSize()
  await page.setViewportSize({ width: 640, height: 512 })
  await setFontSize('200%')
  if (await isTooWide()) found.push('too wide with text of twice the size')
  await setFontSize('')
  await page.setViewportSize({ width: 320, height: 256 })
  if (await isTooWide()) found.push('too wide for a screen of 320 pixels')
  await page.keyboard.press('Tab') // from here on the focus is visible
  const targets = 'a[href], button, summary, input:not([type=hidden]), select, [tabindex="0"]'
  found.push(...await page.$$eval(targets, (elements) => {
    const faults = []
    const isChecked = (one) => one.checkVisibility() && !one.disabled && !one.matches('.skip')
    for (const one of elements.filter(isChecked)) {
      const { width, height } = one.getBoundingClientRect()
      const isInline = getComputedStyle(one).display === 'inline'
      if (!isInline && (width < 24 || height < 24)) faults.push(`under 24 px: ${one.outerHTML}`)
      one.focus()
      const { outlineStyle, outlineWidth } = getComputedStyle(one)
      const isVisible = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
      if (document.activeElement === one && !isVisible) faults.push(`no focus: ${one.outerHTML}`)
    }
    return faults
  }))
  await page.setViewportSize(before)
  return found
}

// axe needs scripts: of a page without, it looks at a copy in which <noscript> is spelled out and
// the refresh is left out. (axe objects to refreshing; nothing can be lost there by it.)
async function scriptable(page, { fixture, origin, hasScript }) {
  if (hasScript) return page
  const html = (await page.content())
    .replace(/<\/?noscript[^>]*>|<script.*?<\/script>|<meta[^>]*http-equiv[^>]*>/gs, '')
  const copy = await fixture.browser.newPage()
  const body = { contentType: 'text/html; charset=utf-8', body: html }
  await copy.route('**/copy', (route) => route.fulfill(body))
  await copy.goto(`${origin}/copy`)
  return copy
}

async function look(original, stage, schemes) {
  const page = await scriptable(original, stage)
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.evaluate(axe)
    assert.deepEqual(await violations(page), [], `${stage.language}, ${colorScheme}`)
  }
  assert.deepEqual(await barriers(page), [], stage.language)
  if (page !== original) await page.close()
}

export function checkScenes(scenes, { from = 0, step = 1 } = {}) {
  let fixture
  before(async () => { fixture = await startStage() })
  after(() => fixture?.stop())
  for (const [number, [id, scene]] of Object.entries(scenes).entries()) {
    if (number % step !== from) continue
    const languages = isFull ? LANGUAGES : [LANGUAGES[number % LANGUAGES.length]]
    const schemes = isFull ? ['light', 'dark'] : [number % 2 ? 'dark' : 'light']
    for (const language of languages) {
      test(`${id}, ${language}`, (t) => play(fixture, id, scene, language,
        (state, page, stage) => t.test(state, () => look(page, stage, schemes))))
    }
  }
}
