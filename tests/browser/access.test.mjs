// For everyone: keyboard only, no movement, languages, weight. (a11y.slow.test.mjs looks at narrow
// screens and large text, in every state.)
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LANGUAGES, deploy, ended, focused, ready, tabTo, text, title, useBrowser, waitForFocus,
} from './browser_fixture.mjs'

const MAX_BYTES = 26 * 1024
const fixture = useBrowser()

test('the whole job by keyboard alone; the focus goes along', async () => {
  const { page, done } = await fixture.visit('en')
  await tabTo(page, 'name')
  await page.keyboard.type('by-keyboard')
  await page.waitForSelector('#check.good')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#job')
  await waitForFocus(page, 'job-title')
  await ready(page)
  assert.equal(await focused(page), 'job-title')
  assert.equal(await title(page), text('en', 'page.job.ready', { name: 'by-keyboard' }))
  await tabTo(page, 'open')
  await tabTo(page, 'delete-open')
  await page.keyboard.press('Enter')
  const inQuestion = () =>
    page.waitForFunction(() => document.activeElement.matches('#delete input[required]'))
  await inQuestion()
  await page.keyboard.press('Escape')
  assert.equal(await focused(page), 'delete-open')
  assert.equal(await page.isVisible('#delete .danger'), false)
  await page.keyboard.press('Enter')
  await inQuestion()
  await page.keyboard.type('by-keyboard')
  await page.keyboard.press('Enter')
  await ended(page, 'deleted')
  await waitForFocus(page, 'job-title')
  await done()
})

test('every focus is visible', async () => {
  const { page, done } = await fixture.visit('en')
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab')
    const width = await page.evaluate(() => {
      const { activeElement, body } = document
      return activeElement === body ? '3px' : getComputedStyle(activeElement).outlineWidth
    })
    assert.equal(width, '3px', await focused(page))
  }
  await done()
})

test('nothing moves for visitors who asked for that; what is busy still stands out', async () => {
  await fixture.rehearsal.hold('deploy', 'quiet-eyes')
  const { page, done } = await fixture.visit('en', { reducedMotion: 'reduce' })
  await deploy(page, 'quiet-eyes')
  const mark = 'li.running[data-step=outcome] .mark'
  await page.waitForSelector(mark)
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
  assert.equal(await page.$eval(mark, (one) => getComputedStyle(one).borderStyle), 'dotted')
  await page.emulateMedia({ reducedMotion: 'no-preference', forcedColors: 'active' })
  const colours = await page.$eval(mark, (one) =>
    [getComputedStyle(one).borderBlockEndColor, getComputedStyle(document.body).backgroundColor])
  assert.notEqual(...colours, 'visible in forced colours')
  await done()
})

test('another language is one click, keeps the view, and stays', async () => {
  await fixture.rehearsal.hold('deploy', 'polyglot')
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'polyglot')
  await page.waitForSelector('#step-list li.running')
  await page.click('#languages a[lang=ar]')
  await page.waitForSelector('html[dir=rtl]')
  await page.waitForSelector('#step-list li.running')
  assert.equal(await title(page), text('ar', 'page.job.running', { name: 'polyglot' }))
  await fixture.rehearsal.forgetFaults()
  await ready(page)
  await page.goto(fixture.portal.url)
  assert.equal(await page.getAttribute('html', 'lang'), 'ar')
  await done()
})

test('the first byte is in the right language, and the page names itself', async () => {
  for (const language of LANGUAGES) {
    const { text: html } = await fixture.portal.api('/', { language })
    const dir = language === 'ar' ? 'rtl' : 'ltr'
    assert.ok(html.includes(`<html lang="${language}" dir="${dir}">`))
    assert.ok(html.includes('AI Stack Deployer'))
    assert.ok(!/\sstyle=|<style|\son[a-z]+=/.test(html), 'nothing inline')
  }
})

async function weigh(page) {
  const parts = await page.evaluate(() =>
    ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type))
      .filter(({ name, initiatorType }) =>
        initiatorType === 'navigation' || name.includes('/assets/'))
      .map(({ name, encodedBodySize, decodedBodySize }) =>
        ({ name, wire: encodedBodySize, plain: decodedBodySize })))
  for (const { name, wire, plain } of parts) {
    assert.ok(wire > 0 && (wire < plain || plain < 500), `${name}: ${wire} of ${plain} bytes`)
  }
  return { parts, bytes: parts.reduce((sum, { wire }) => sum + wire, 0) }
}

for (const language of LANGUAGES) {
  test(`${language}: a first visit is lighter than ${MAX_BYTES / 1024} KB`, async (t) => {
    const { page, done } = await fixture.visit(language)
    const { parts, bytes } = await weigh(page)
    assert.ok(parts.some(({ name }) => name.endsWith('home.js')))
    assert.ok(parts.some(({ name }) => name.endsWith('style.css')))
    t.diagnostic(`${bytes} bytes in ${parts.length} answers`)
    assert.ok(bytes < MAX_BYTES, `${bytes} bytes`)
    await done()
  })
}
