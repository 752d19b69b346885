// For everybody: keyboard only, no movement, languages, weight. (Narrow screens and enlarged text: axe.mjs, in every state.)
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { LANGUAGES, deploy, openDesk, ready, text, title } from './browser.mjs'

const MOST_BYTES = 40 * 1024
let desk
before(async () => { desk = await openDesk() })
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

const focused = (page) => page.evaluate(() => document.activeElement.id)

async function tabTo(page, id) {
  for (let i = 0; i < 40; i++) {
    if (await focused(page) === id) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`the keyboard does not reach #${id}`)
}

test('the whole job by keyboard alone; focus goes along', async () => {
  const { page, done } = await desk.visit('en')
  await tabTo(page, 'name')
  await page.keyboard.type('by-keyboard')
  await page.waitForSelector('#check.good')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#job:not([hidden])')
  assert.equal(await focused(page), 'job-title')
  await ready(page)
  assert.equal(await focused(page), 'job-title')
  assert.equal(await title(page), text('en', 'page.job.ready', { name: 'by-keyboard' }))
  await tabTo(page, 'open')
  await tabTo(page, 'delete-open')
  await page.keyboard.press('Enter')
  assert.equal(await focused(page), 'delete-name')
  await page.keyboard.press('Escape')
  assert.equal(await focused(page), 'delete-open')
  await page.keyboard.press('Enter')
  await page.keyboard.type('by-keyboard')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#job.deleted #again')
  assert.equal(await focused(page), 'job-title')
  await done()
})

test('every focus can be seen', async () => {
  const { page, done } = await desk.visit('en')
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

test('nothing moves for who asked for that, and what is busy can still be told', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 5000, name: 'quiet-eyes', times: 0 })
  const { page, done } = await desk.visit('en', { reducedMotion: 'reduce' })
  await deploy(page, 'quiet-eyes')
  await page.waitForSelector('li.running[data-step=outcome]') // the one that takes a while
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0)
  assert.equal(await page.$eval('li.running[data-step=outcome] .mark', (mark) => getComputedStyle(mark).borderStyle), 'dotted')
  await page.emulateMedia({ reducedMotion: 'no-preference', forcedColors: 'active' })
  const colours = await page.$eval('li.running[data-step=outcome] .mark', (mark) => [getComputedStyle(mark).borderBlockEndColor, getComputedStyle(document.body).backgroundColor])
  assert.notEqual(...colours, 'it can be seen in forced colours')
  await ready(page)
  await done()
})

test('another language is one click, keeps the view, and stays', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 2500, name: 'polyglot', times: 0 })
  const { page, done } = await desk.visit('en')
  await deploy(page, 'polyglot')
  await page.waitForSelector('#step-list li.running')
  await page.click('#languages a[lang=ar]')
  await page.waitForSelector('html[dir=rtl]')
  await page.waitForSelector('#step-list li.running')
  assert.equal(await title(page), text('ar', 'page.job.running', { name: 'polyglot' }))
  await ready(page)
  await page.goto(desk.world.portal.url)
  assert.equal(await page.getAttribute('html', 'lang'), 'ar')
  await done()
})

test('the first byte is in the right language, and the page names itself', async () => {
  for (const language of LANGUAGES) {
    const { text: html } = await desk.world.portal.api('/', { language })
    assert.ok(html.includes(`<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">`))
    assert.ok(html.includes('AI Stack Deployer'))
    assert.ok(!/\sstyle=|<style|\son[a-z]+=/.test(html), 'nothing inline')
  }
})

for (const language of LANGUAGES) {
  test(`${language}: all of it weighs less than ${MOST_BYTES / 1024} KB on the wire`, async (t) => {
    const { page, done } = await desk.visit(language)
    const parts = await page.evaluate(() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter(({ name, initiatorType }) => initiatorType === 'navigation' || name.includes('/assets/'))
      .map(({ name, encodedBodySize, decodedBodySize }) => ({ name, wire: encodedBodySize, plain: decodedBodySize })))
    for (const { name, wire, plain } of parts) assert.ok(wire > 0 && (wire < plain || plain < 500), `${name}: ${wire} of ${plain} bytes`)
    assert.ok(parts.some(({ name }) => name.endsWith('app.js')) && parts.some(({ name }) => name.endsWith('style.css')))
    const bytes = parts.reduce((sum, { wire }) => sum + wire, 0)
    t.diagnostic(`${bytes} bytes in ${parts.length} answers`)
    assert.ok(bytes < MOST_BYTES, `${bytes} bytes`)
    await done()
  })
}
