// The portal in the system's own Chromium, as a visitor meets it. Every page is watched: an error
// in the console, a breach of the content policy or a request to another host fails the test.
//
//   const fixture = useBrowser()                        // portal, rehearsal, browser, visit()
//   const { page, done } = await fixture.visit('nl')    // a fresh profile in that language
//   await done()                                        // closes it and checks the complaints
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before } from 'node:test'
import { chromium } from 'playwright-core'
import { seconds, startAll, startPortal } from '../http/harness.mjs'

export { seconds }
export const LANGUAGES = ['en', 'nl', 'ar']
export const NO_SCRIPT = { javaScriptEnabled: false }

// The portal's timers run ten times as fast; the double's delays are in real time.
const FAST = { TIME_SCALE: '10' }
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync']

const locales = Object.fromEntries(LANGUAGES.map((code) =>
  [code, JSON.parse(readFileSync(new URL(`../../locales/${code}.json`, import.meta.url), 'utf8'))]))

// The text of a key.
export const text = (language, key, values = {}) =>
  locales[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name])

// Without the characters that keep a name left to right in an Arabic sentence.
export const unmarked = (words) => words.replace(/[\u2066-\u2069]/g, '')
export const content = async (page, selector) => unmarked(await page.textContent(selector))
export const title = (page) => content(page, '#job-title')

export const launch = () =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args })

// Dokploy may be late to tell a password; it is asked again then.
const isLatePassword = (message) =>
  message.location().url.endsWith('/password') && message.text().includes('503')

function watch(page, complaints, own) {
  page.on('console', (message) => {
    if (message.type() !== 'error' || isLatePassword(message)) return
    complaints.push(`console: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack}`))
  page.on('request', (request) => {
    if (!request.url().startsWith(own)) complaints.push(`a request to ${request.url()}`)
  })
}

function reportBreaches() {
  addEventListener('securitypolicyviolation', (event) => {
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)
  })
}

class BrowserFixture {
  others = []

  async start(options = {}) {
    const env = { ...FAST, ...options.env }
    const rehearsalEnv = { TIME_SCALE: '1' }
    this.world = await startAll({ ...options, env, rehearsalEnv })
    this.portal = this.world.portal
    this.rehearsal = this.world.rehearsal
    this.tree = this.world.tree
    this.browser = await launch()
    return this
  }

  // Another portal on the same rehearsal.
  async addPortal({ env, ...options }) {
    const { rehearsal } = this
    const portal = await startPortal({ rehearsal, env: { ...FAST, ...env }, ...options })
    this.others.push(portal)
    return portal
  }

  // options: path, origin, expected (complaints that are part of the test), and Playwright's own.
  async visit(language = 'en', options = {}) {
    const { path = '/', origin = this.portal.url, expected = [], ...rest } = options
    const context = await this.browser.newContext(
      { locale: language, viewport: { width: 1100, height: 800 }, ...rest })
    context.setDefaultTimeout(seconds(20))
    await context.addInitScript(reportBreaches)
    const complaints = []
    context.on('page', (page) => watch(page, complaints, origin))
    const page = await context.newPage()
    await page.goto(origin + path)
    const done = async () => {
      await context.close()
      const isExpected = (line) => expected.some((pattern) => pattern.test(line))
      const unexpected = complaints.filter((line) => !isExpected(line))
      assert.deepEqual(unexpected, [], 'the page complained')
    }
    return { page, context, done }
  }

  async stop() {
    await this.browser?.close()
    for (const portal of this.others) await portal.stop()
    await this.world?.stop()
  }
}

export const startBrowser = (options) => new BrowserFixture().start(options)

// For all tests of a file. Faults are forgotten after each test. prepare(fixture) runs before the
// first test; a second before() would not wait for the first one.
export function useBrowser(options, prepare) {
  const fixture = new BrowserFixture()
  before(async () => {
    await fixture.start(typeof options === 'function' ? options() : options)
    await prepare?.(fixture)
  })
  afterEach(() => fixture.rehearsal.forgetFaults())
  after(() => fixture.stop())
  return fixture
}

// Visitors' actions

// Clicks what leads to another page, and waits until that is loaded and its scripts run.
export const go = (page, selector) =>
  Promise.all([page.waitForNavigation(), page.click(selector)])

// Types a name, waits until it is free, and sends it.
export async function deploy(page, name) {
  await page.fill('#name', name)
  await page.waitForSelector('#check.good')
  await page.click('#deploy')
  await page.waitForSelector('#job.working, #job[data-over]')
}

// The same without JavaScript.
export async function deployPlainly(page, name) {
  await page.fill('#name', name)
  await page.click('#deploy')
  await page.waitForURL('**/deployment/*')
}

// Waits until the page shows that, and its scripts run.
async function shows(page, selector) {
  await page.waitForSelector(selector, { timeout: seconds(60) })
  await page.waitForLoadState()
}
export const ready = (page) => shows(page, '#job.ready #password')
export const ended = (page, state) => shows(page, `#job.${state} #again`)
export const focused = (page) => page.evaluate(() => document.activeElement.id)
export const waitForFocus = (page, id) =>
  page.waitForFunction((wanted) => document.activeElement.id === wanted, id)

// The password, which is shown on demand.
export async function password(page) {
  while ((await page.textContent('#password')).startsWith('•')) {
    const [answer] = await Promise.all([page.waitForResponse('**/password'), page.click('#reveal')])
    if (answer.status() === 503) continue
    await page.waitForFunction(() => !/^•/.test(document.querySelector('#password').textContent))
  }
  return page.textContent('#password')
}

export async function remove(page, name, { files = false } = {}) {
  await page.click('#delete-open')
  if (files) await page.check('#delete [name=data]')
  await page.fill('#delete input[required]', name)
  await page.click('#delete .danger')
  await ended(page, 'deleted')
}

// Presses Tab until the element with that id or name has the focus.
export async function tabTo(page, wanted) {
  const current = () => page.evaluate(() => {
    const { id, name } = document.activeElement
    return [id, name]
  })
  for (let i = 0; i < 60; i++) {
    if ((await current()).includes(wanted)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`the keyboard does not reach ${wanted}`)
}

// Reloads the page until it shows that, for what the portal finds out by itself.
export async function reloadUntil(page, selector) {
  const end = Date.now() + seconds(60)
  while (!await page.$(selector)) {
    assert.ok(Date.now() < end, `never shown: ${selector}`)
    await page.waitForTimeout(100)
    await page.reload()
  }
}

// The key that a workspace's page shows.
export async function ownerKey(page) {
  await page.click('#key-show')
  await page.waitForSelector('#owner-key:not(:empty)')
  return page.textContent('#owner-key')
}

// Makes this browser the one that owns what belongs to the key.
export const own = (context, origin, key) =>
  context.request.post(`${origin}/api/owner/enter`, { data: { key } })
