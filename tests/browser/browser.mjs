// browser: the page in the system's own Chromium, as a person meets it. Every page that a test opens is watched: an error in the console,
// a breach of the content policy, a request to another host fails the test that opened it.
//
//   const desk = await openDesk()                       // { world, visit(), close() }
//   const { page, done } = await desk.visit('nl')       // a browser of its own, in that language
//   await done()                                        // closes it, and looks at what it complained of
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { copyRoot, seconds, startAll } from '../http/harness.mjs'

export { seconds }
export const LANGUAGES = ['en', 'nl', 'ar']

const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']
const locale = (code) => JSON.parse(readFileSync(new URL(`../../locales/${code}.json`, import.meta.url), 'utf8'))
const locales = Object.fromEntries(LANGUAGES.map((code) => [code, locale(code)]))

// The text of a key.
export const text = (language, key, values = {}) => locales[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name])

// What an element says, without the marks that keep a name left-to-right in an Arabic sentence.
export const said = async (page, selector) => (await page.textContent(selector)).replace(/[\u2066-\u2069]/g, '')

// Takes a look at everything that goes wrong without anybody saying so.
function watch(page, complaints, own) {
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(`console: ${message.text()}`) })
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack}`))
  page.on('request', (request) => { if (!request.url().startsWith(own)) complaints.push(`a request to ${request.url()}`) })
}

function breaches() {
  addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`))
}

// A tree in which the portal looks ten times as often whether something has come about: what is looked at here is the page.
export function hastyRoot() {
  const copy = copyRoot()
  copy.edit('scripts/steps/outcome.lua', (lua) => lua.replace('PAUSE = 1 ', 'PAUSE = 0.1 '))
  copy.edit('scripts/lib/workspaces/health.lua', (lua) => lua.replace('task.sleep(1)', 'task.sleep(0.1)'))
  for (const part of ['work', 'undo']) {
    copy.edit(`scripts/lib/operations/${part}.lua`, (lua) => lua.replaceAll('task.sleep(1)', 'task.sleep(0.1)'))
  }
  copy.edit('scripts/lib/dokploy/retry.lua', (lua) => lua.replace('base = 0.5', 'base = 0.05'))
  return copy
}

export async function openDesk(options) {
  const realTime = { TIME_SCALE: '1' } // what a person watches must last long enough to be seen
  const world = await startAll({
    ...options, root: options?.root ?? hastyRoot().root,
    env: { ...realTime, ...options?.env }, rehearsalEnv: { ...realTime, ...options?.rehearsalEnv },
  })
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args })

  async function visit(language = 'en', { path = '/', origin = world.portal.url, expected = [], ...rest } = {}) {
    const context = await browser.newContext({ locale: language, viewport: { width: 1100, height: 800 }, ...rest })
    context.setDefaultTimeout(seconds(20))
    await context.addInitScript(breaches)
    const complaints = []
    context.on('page', (page) => watch(page, complaints, origin))
    const page = await context.newPage()
    await page.goto(origin + path)
    const done = async () => {
      await context.close()
      assert.deepEqual(complaints.filter((line) => !expected.some((pattern) => pattern.test(line))), [], 'the page complained')
    }
    return { page, context, done }
  }

  async function close() {
    await browser.close()
    await world.stop()
  }
  return { world, browser, visit, close }
}

// What is wrong with the page for who enlarges it four times (a screen of 320 pixels), or its text twice; who taps with a finger; who uses keys.
export async function hindrances(page) {
  const found = []
  const tooWide = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth)
  const before = page.viewportSize()
  await page.setViewportSize({ width: 640, height: 512 })
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%' })
  if (await tooWide()) found.push('runs off the screen with text of twice the size')
  await page.evaluate(() => { document.documentElement.style.fontSize = '' })
  await page.setViewportSize({ width: 320, height: 256 })
  if (await tooWide()) found.push('runs off a screen of 320 pixels')
  await page.keyboard.press('Tab') // from here on whatever has the focus shows it
  found.push(...await page.$$eval('a[href], button, summary, input:not([type=hidden]), select, [tabindex="0"]', (all) => {
    const faults = []
    for (const one of all.filter((it) => it.checkVisibility() && !it.disabled && !it.matches('.skip'))) {
      const { width, height } = one.getBoundingClientRect()
      if ((width < 24 || height < 24) && getComputedStyle(one).display !== 'inline') faults.push(`is smaller than 24 pixels: ${one.outerHTML}`)
      one.focus()
      const { outlineStyle, outlineWidth } = getComputedStyle(one)
      if (document.activeElement === one && (outlineStyle === 'none' || parseFloat(outlineWidth) < 2)) faults.push(`shows no focus: ${one.outerHTML}`)
    }
    return faults
  }))
  await page.setViewportSize(before)
  return found
}

// Types a name, waits for the verdict, and sends it.
export async function deploy(page, name) {
  await page.fill('#name', name)
  await page.waitForSelector('#check.good')
  await page.click('#deploy')
  await page.waitForSelector('#job:not([hidden])')
}

export const ready = (page) => page.waitForSelector('#job.ready #password', { timeout: seconds(60) })
// What the owner gets to see when he asks for it.
export async function password(page) {
  if ((await page.textContent('#password')).startsWith('•')) await page.click('#reveal')
  return page.textContent('#password')
}
export const ended = (page, how) => page.waitForSelector(`#job.${how} #again`, { timeout: seconds(60) })
export const title = (page) => said(page, '#job-title')
