// What is around the page: other tabs, the browser's history, phones, a log-in proxy in front of
// the portal, a browser that translates, text copied from elsewhere.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, until } from '../http/harness.mjs'
import { logIn } from './admin_scenes.mjs'
import {
  NO_SCRIPT, content, deploy, ended, own, password, ready, text, title, useBrowser,
} from './browser_fixture.mjs'

const fixture = useBrowser()

// Playwright shows every page to its user.
const setHidden = (page, isHidden) => page.evaluate((value) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => value })
  document.dispatchEvent(new Event('visibilitychange'))
}, isHidden)

// As when the browser shows a page again that it kept to go back to.
const comeBack = (page) =>
  page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))

async function openTabs(context, url, count) {
  const tabs = []
  for (let i = 0; i < count; i++) {
    if (i > 0) await setHidden(tabs.at(-1), true)
    const tab = await context.newPage()
    await tab.goto(url)
    tabs.push(tab)
  }
  return tabs
}

test('eight tabs follow one deployment: hidden ones leave their connection to others', async () => {
  const portal = await fixture.addPortal({ env: { TIME_SCALE: '1' } })
  await fixture.rehearsal.faults({ at: 'deploy', kind: 'latency', times: 0 })
  const { page, context, done } = await fixture.visit('en', { origin: portal.url })
  await deploy(page, 'many-tabs')
  await setHidden(page, true)
  const tabs = await openTabs(context, page.url(), 8)
  await fixture.rehearsal.forgetFaults()
  await ready(tabs.at(-1))
  await setHidden(tabs[0], false)
  await ready(tabs[0])
  await ready(tabs[1]) // hidden, it asks now and then
  await done()
})

test('eight tabs of the administration', async () => {
  const path = '/admin/login?next=/admin/stacks'
  const { page, context, done } = await fixture.visit('en', { path })
  await logIn(page)
  await setHidden(page, true)
  const tabs = await openTabs(context, page.url(), 8)
  await fixture.portal.ready('seen-in-tabs')
  await tabs.at(-1).waitForSelector('#stack-seen-in-tabs')
  await setHidden(tabs[0], false)
  await tabs[0].waitForSelector('#stack-seen-in-tabs')
  await done()
})

test('going back to a page that the browser kept shows what is true now', async () => {
  const { portal } = fixture
  const { key } = await portal.ready('gone-meanwhile')
  const { page, context, done } = await fixture.visit('en', { expected: [/404/] })
  await own(context, portal.url, key)
  await page.goto(`${portal.url}/`)
  await page.waitForSelector('#workspaces [data-name=gone-meanwhile]')
  const view = await context.newPage()
  await view.goto(`${portal.url}/stack/gone-meanwhile`)
  const other = await context.newPage()
  await other.goto(`${portal.url}/stack/gone-meanwhile`)
  await portal.deleted('gone-meanwhile', { key })
  await comeBack(page)
  await page.waitForSelector('#workspaces [data-name=gone-meanwhile]', { state: 'detached' })
  await comeBack(view)
  await setHidden(other, false) // the same for a tab that is looked at again
  const missing = text('en', 'problem.stack_unknown.title')
  for (const each of [view, other]) {
    await each.waitForFunction((wanted) =>
      document.getElementById('job-title').textContent === wanted, missing)
  }
  await done()
})

// Without URLSearchParams.prototype.size, as before 2023.
test('an older browser searches in the administration', async () => {
  const { page, context, done } = await fixture.visit('en', { path: '/admin/login' })
  await context.addInitScript(() => { delete URLSearchParams.prototype.size })
  await logIn(page)
  await page.goto(`${fixture.portal.url}/admin/stacks`)
  await page.fill('.search input[type=search]', 'anna')
  await page.waitForURL('**/admin/stacks?search=anna')
  await page.fill('.search input[type=search]', '')
  await page.waitForURL('**/admin/stacks')
  await done()
})

for (const isGranted of [false, true]) {
  const permission = isGranted ? 'granted' : 'default'
  test(`no notification is promised where it cannot be shown: ${permission}`, async () => {
    await fixture.rehearsal.hold('deploy')
    const phone = { hasTouch: true, isMobile: true }
    const { page, context, done } = await fixture.visit('en', phone)
    await context.addInitScript((state) => {
      window.Notification = class {
        static permission = state

        static requestPermission = () => Promise.resolve('granted')

        constructor() { throw new TypeError('Illegal constructor') }
      }
    }, permission)
    await page.reload()
    await deploy(page, `on-a-phone-${permission}`)
    if (isGranted) await page.click('#notify')
    await page.waitForSelector('#notify-row', { state: 'hidden' })
    assert.equal(await page.textContent('#notify-note'), '')
    await fixture.rehearsal.forgetFaults()
    await ready(page)
    await done()
  })
}

// A log-in proxy answers for the portal.
const loginPage = (route) => route.fulfill({
  status: 200, contentType: 'text/html', body: '<title>Log in</title><form>Log in</form>',
})
const loginRedirect = (route) => route.fulfill({
  status: 302, headers: { location: 'https://login.example/start' },
})

// What a browser says about them.
const expected = [/login\.example|Failed to load|policy|Refused to connect|MIME type/]

const answers = { en: loginPage, nl: loginRedirect, ar: loginPage }
for (const [language, answer] of Object.entries(answers)) {
  test(`${language}: a log-in proxy that answers for the portal is recognised`, async () => {
    const { page, done } = await fixture.visit(language, { expected })
    const detail = text(language, 'live.signed_out.detail')
    const name = `logged-out-${language}`
    await page.route('**/api/**', answer)
    await page.fill('#name', name)
    await page.waitForFunction((wanted) =>
      document.getElementById('check').textContent === wanted, detail)
    await page.click('#deploy')
    await page.waitForSelector('#problem:not([hidden])')
    const problem = await page.textContent('#problem')
    assert.equal(problem, text(language, 'live.signed_out.title') + detail)
    await page.unroute('**/api/**')
    await fixture.rehearsal.hold('deploy', name)
    await page.reload() // logged in again: it goes on with what was asked for
    await page.waitForSelector('#job.working')
    for (const path of ['**/api/**', '**/deployment/*']) await page.route(path, answer)
    const isSaid = (wanted) => {
      const lost = document.getElementById('lost')
      return lost && !lost.hidden && lost.textContent === wanted
    }
    await until(async () => {
      await setHidden(page, true) // the first time, the scripts of the page may not have run yet
      await setHidden(page, false)
      return page.waitForFunction(isSaid, detail, { timeout: 6000 }).catch(() => false)
    }, 'the page says that the visitor is signed out')
    for (const path of ['**/api/**', '**/deployment/*']) await page.unroute(path)
    await fixture.rehearsal.forgetFaults()
    await ready(page)
    assert.equal(await page.isVisible('#lost'), false)
    await done()
  })
}

test('an answer that is cut off is asked for again', async () => {
  const { page, done } = await fixture.visit('en')
  let times = 0
  await page.route('**/api/deploy', async (route) => {
    const response = await route.fetch()
    const json = await response.text()
    return route.fulfill({ response, body: times++ === 0 ? json.slice(0, 20) : json })
  })
  await deploy(page, 'cut-off')
  await ready(page)
  assert.equal(times, 2)
  await done()
})

test('the key of an attempt is random, whatever the page\'s numbers are', async () => {
  const { page, context, done } = await fixture.visit('en', { expected: [/409|ERR_FAILED/] })
  await context.addInitScript(() => { Math.random = () => 0.5 })
  await page.reload()
  const keys = []
  page.on('request', (request) => {
    if (request.method() === 'POST') keys.push(request.headers()['idempotency-key'])
  })
  await page.route('**/api/check/*', (route) => route.abort())
  await fixture.portal.ready('guessed')
  for (let i = 1; i <= 2; i++) {
    await page.fill('#name', 'guessed')
    const answered = page.waitForResponse('**/api/deploy')
    await page.click('#deploy')
    await answered
    await page.waitForSelector('#deploy[aria-busy=false]')
    await page.fill('#name', '')
  }
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/)
  assert.equal(new Set(keys).size, 2)
  await done()
})

// In marks that keep it left to right, as copied from the Arabic page.
const marked = (words) => `\u2068${words[0]}\u200b${words.slice(1)}\u2069 `

for (const options of [{}, NO_SCRIPT]) {
  const how = options === NO_SCRIPT ? 'without scripts' : 'with scripts'
  test(`a name copied from the Arabic page confirms its deletion, ${how}`, async () => {
    const name = options === NO_SCRIPT ? 'copied-plainly' : 'copied'
    const { key } = await fixture.portal.ready(name)
    const { page, context, done } = await fixture.visit('ar', options)
    await own(context, fixture.portal.url, key)
    await page.goto(`${fixture.portal.url}/stack/${name}`)
    await page.click('#delete-open')
    const input = '#delete input[required]'
    await page.fill(input, `\u2068${name}x\u2069`)
    await page.click('#delete .danger')
    assert.match(page.url(), /\/stack\//, 'another name does not')
    await page.fill(input, options === NO_SCRIPT ? `\u2068${name}\u2069 ` : marked(name))
    await page.click('#delete .danger')
    await page.waitForURL('**/deployment/*')
    await done()
  })
}

test('a copied key opens a workspace', async () => {
  const { key } = await fixture.portal.ready('copied-key')
  const options = { path: '/stack/copied-key', expected: [/404/] }
  const { page, done } = await fixture.visit('ar', options)
  await page.click('#key-entry summary')
  await page.fill('#key-entry [name=key]', marked(key))
  await page.click('#key-entry button')
  await page.waitForSelector('#delete-open')
  assert.equal(await title(page), text('ar', 'page.stack.title', { name: 'copied-key' }))
  await done()
})

test('a name with other digits has the address that it will get', async () => {
  const { page, done } = await fixture.visit('ar')
  await page.fill('#name', 'salma٣')
  await page.waitForSelector('#check.good')
  assert.equal(await content(page, '#check'), text('ar', 'live.name.free', { name: 'salma3' }))
  assert.match(await page.textContent('#address'), /:\/\/salma3\./)
  await page.click('#deploy')
  await ready(page)
  assert.equal(await title(page), text('ar', 'page.job.ready', { name: 'salma3' }))
  await done()
})

// Replaces every text that a translating browser would, as it does: node by node.
const translate = (page) => page.evaluate(() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const { parentElement: parent } = walker.currentNode
    const isText = parent.translate && !['SCRIPT', 'STYLE'].includes(parent.tagName)
    if (isText) walker.currentNode.data = walker.currentNode.data.replace(/\p{L}/gu, 'ж')
  }
})

test('a browser that translates leaves secrets, addresses, names and logs alone', async () => {
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'untranslated')
  await ready(page)
  const secret = await password(page)
  await page.click('#key-show')
  await page.waitForSelector('#owner-key:not(:empty)')
  const kept = ['#url', '#user', '#password', '#owner-key', '#log-lines']
  const before = await Promise.all(kept.map((one) => page.textContent(one)))
  assert.ok(before.every((one) => one.length > 3), before.join(' | '))
  await page.click('#delete-open')
  await translate(page)
  assert.deepEqual(await Promise.all(kept.map((one) => page.textContent(one))), before)
  assert.equal(await page.textContent('#password'), secret)
  for (const one of ['#job-title', '#delete h2', '#delete label:has(input[required])']) {
    const words = await page.textContent(one)
    assert.match(words, /untranslated/, one)
    assert.match(words, /ж/, one)
  }
  await page.fill('#delete input[required]', 'untranslated')
  await page.click('#delete .danger')
  await ended(page, 'deleted')
  await page.goto(`${fixture.portal.url}/?name=untranslated`)
  await translate(page)
  assert.match(await page.textContent('#address'), /^http:\/\/untranslated\.localhost/)
  await done()
})

test('a log-in proxy of the administration gets its turn', async () => {
  const { page, done } = await fixture.visit('en', { path: '/admin/login', expected })
  await logIn(page)
  let isLoggedOut = false
  await page.route('**/admin', (route) => {
    if (!isLoggedOut) return route.continue()
    return route.request().isNavigationRequest() ? loginPage(route) : loginRedirect(route)
  })
  isLoggedOut = true
  await fixture.portal.api('/api/invites', {
    method: 'POST', key: ADMIN, json: { label: 'a change to show' },
  })
  await page.evaluate(() => dispatchEvent(new Event('online')))
  await page.waitForSelector('form:text("Log in")')
  await done()
})
