// The administration in a browser: by mouse, by keys, without JavaScript; live, over a lost
// network, in two tabs; for every width and language.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ADMIN } from '../http/harness.mjs'
import { furnish, logIn } from './admin_scenes.mjs'
import {
  LANGUAGES, NO_SCRIPT, content, go, seconds, tabTo, text, useBrowser,
} from './browser_fixture.mjs'

const SECTIONS = ['', '/stacks', '/operations', '/queue', '/leftovers', '/findings', '/scripts',
  '/audit', '/access']

let portal
const fixture = useBrowser({}, async (started) => {
  portal = started.portal
  await furnish(started)
})

async function open(language, path = '/admin', options = {}) {
  const login = `/admin/login?next=${encodeURIComponent(path)}`
  const visit = await fixture.visit(language, { path: login, ...options })
  await logIn(visit.page)
  return visit
}

const row = (name) => `#stack-${name}`
const waitForText = (page, selector, words) => page.waitForFunction(([where, what]) =>
  document.querySelector(where)?.textContent.includes(what), [selector, words])
const focused = (page) =>
  page.evaluate(() => document.activeElement.id || document.activeElement.name)

test('the login suits password managers, refuses a wrong token, leads to the page', async () => {
  const options = { path: '/admin/audit?who=visitor', expected: [/403/] }
  const { page, done } = await fixture.visit('en', options)
  assert.equal(await page.getAttribute('#token', 'type'), 'password')
  assert.equal(await page.getAttribute('#token', 'autocomplete'), 'current-password')
  assert.equal(await page.getAttribute('[name=username]', 'autocomplete'), 'username')
  assert.equal(await focused(page), 'token')
  await page.keyboard.type('not the token')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.notice.bad')
  assert.ok((await content(page, '.notice.bad')).includes(text('en', 'admin.login.wrong')))
  await logIn(page)
  assert.ok(page.url().endsWith('/admin/audit?who=visitor'))
  assert.equal(await page.evaluate(() => document.cookie), '', 'scripts do not see the session')
  await done()
})

test('by keys alone: search, select two, stop them, see how each ends', async () => {
  await portal.ready('key-one')
  await portal.ready('key-two')
  const { page, done } = await open('en', '/admin/stacks')
  await tabTo(page, 'search')
  await page.keyboard.type('key-')
  await page.waitForFunction(() => document.querySelectorAll('#live tbody tr').length === 2)
  assert.ok(page.url().endsWith('/admin/stacks?search=key-'))
  assert.equal(await focused(page), 'search', 'the focus stays in the field')
  await tabTo(page, 'pick.key-one')
  await page.keyboard.press('Space')
  await tabTo(page, 'pick.key-two')
  await page.keyboard.press('Space')
  assert.equal(await content(page, '#picked-count'), text('en', 'admin.live.picked', { count: 2 }))
  await page.focus('.bar button[value=stop]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/stacks/act?**')
  assert.deepEqual(await page.locator('.names li').allTextContents(), ['key-one', 'key-two'])
  await page.focus('.ask .primary')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/stacks/done/*')
  await page.waitForFunction((end) => {
    const states = [...document.querySelectorAll('#live .state')]
    return states.filter(({ textContent }) => textContent === end).length === 2
  }, text('en', 'admin.end.stopped'), { timeout: seconds(30) })
  await page.goto(`${portal.url}/admin/stacks?state=stopped`)
  assert.equal(await page.locator(`${row('key-one')}, ${row('key-two')}`).count(), 2)
  await done()
})

test('changes show at once; what is selected and focused stays', async () => {
  const { page, done } = await open('en', '/admin/stacks')
  await page.check('[name="pick.atelier"]')
  await page.focus(`${row('atelier')} a`)
  await portal.ready('out-of-nowhere')
  await page.waitForSelector(`${row('out-of-nowhere')} .ready`)
  assert.ok(await page.isChecked('[name="pick.atelier"]'))
  assert.equal(await page.evaluate(() => document.activeElement.closest('tr')?.id), 'stack-atelier')
  assert.equal(await content(page, '#picked-count'), text('en', 'admin.live.picked', { count: 1 }))
  await done()
})

test('a lost network is reported, and the page catches up when it is back', async () => {
  const expected = [/ERR_INTERNET_DISCONNECTED|Failed to (load|fetch)/]
  const { page, context, done } = await open('nl', '/admin/access', { expected })
  await context.setOffline(true)
  await waitForText(page, '#link', text('nl', 'admin.live.lost'))
  const json = { label: 'while-away' }
  await portal.api('/api/invites', { method: 'POST', key: ADMIN, json })
  await context.setOffline(false)
  await waitForText(page, '#live', 'while-away')
  await page.waitForFunction(() => document.querySelector('#link').textContent === '')
  await done()
})

test('logging out in one tab ends the other', async () => {
  const { page, context, done } = await open('ar')
  const other = await context.newPage()
  await other.goto(`${portal.url}/admin/stacks`)
  await page.click('form[action="/admin/logout"] button')
  await page.waitForSelector('#token')
  await other.waitForURL('**/admin/login?**')
  await other.goto(`${portal.url}/admin/queue`)
  assert.ok(other.url().includes('/admin/login'))
  await done()
})

test('a deletion asks for the name, and says what became of the files', async () => {
  await portal.ready('doomed')
  const { page, done } = await open('nl', '/admin/stacks/doomed', { expected: [/422/] })
  await page.click('.wary')
  assert.equal(await content(page, 'h1'), text('nl', 'admin.ask.delete.single', { name: 'doomed' }))
  await page.fill('#confirm', 'doomde')
  await page.click('.danger')
  await page.waitForSelector('#trouble')
  const mismatch = text('nl', 'page.delete.mismatch', { name: 'doomed' })
  assert.equal(await content(page, '#trouble'), mismatch)
  await page.fill('#confirm', 'doomed')
  await page.click('.danger')
  await page.waitForURL('**/admin/stacks/done/*')
  await waitForText(page, '#live .state', text('nl', 'admin.end.deleted'))
  await page.goto(`${portal.url}/admin/leftovers`)
  await waitForText(page, '#live', 'portal-ai-workspace-doomed')
  await done()
})

test('a token is shown once, and revoked', async () => {
  const { page, done } = await open('en', '/admin/access')
  await page.click('.new:nth-of-type(2) summary')
  await page.fill('#token-label', 'robot')
  await page.check('[name="scope.create"]')
  await page.click('form[action="/admin/access/tokens"] button')
  const token = await page.textContent('#secret')
  assert.equal((await portal.api('/api/stacks', { key: token })).status, 200)
  await page.goto(`${portal.url}/admin/access`)
  assert.ok(!(await page.content()).includes(token))
  await page.click(`[aria-label="${text('en', 'admin.revoke')} robot"]`)
  await page.waitForSelector('[id^=token-] .stopped')
  assert.equal((await portal.api('/api/stacks', { key: token })).json.code, 'key_revoked')
  await done()
})

test('a workspace that is missing in Dokploy is repaired from the drift page', async () => {
  const { page, done } = await open('en', '/admin/findings')
  await page.click('#live form[action$="/repair"] button')
  await page.waitForURL('**/deployment/*')
  await page.waitForSelector('#job.ready', { timeout: seconds(60) })
  await page.goto(`${portal.url}/admin/findings`)
  await waitForText(page, '#live', text('en', 'admin.finding.none'))
  await done()
})

test('a filter is a URL; times and numbers are written as in the language', async () => {
  const { page, done } = await open('ar', '/admin/operations')
  await page.click('.chips a[href*="state=failed"]')
  await page.waitForURL(/state=failed/)
  await waitForText(page, '#live tbody', 'missing-image')
  await page.goBack()
  await page.waitForURL((url) => !url.search.includes('state'))
  const { shown, parts } = await page.$eval('#live time', ({ dateTime, textContent }) => {
    const at = new Date(dateTime)
    const month = new Intl.DateTimeFormat('ar', { month: 'long' }).format(at)
    const parts = [month, dateTime.slice(0, 4), String(at.getDate())]
    return { shown: textContent, parts }
  })
  assert.ok(parts.every((part) => shown.includes(part)), shown)
  assert.equal(await page.$eval('#live tbody th bdi', (name) => name.dir), 'ltr')
  await done()
})

for (const language of LANGUAGES) {
  test(`${language}: it fits every screen`, async () => {
    const { page, done } = await open(language)
    for (const section of SECTIONS) {
      await page.goto(`${portal.url}/admin${section}`)
      for (const width of [320, 800, 1000, 1280]) {
        await page.setViewportSize({ width, height: 640 })
        const fits = await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
        assert.ok(fits, `${section} is too wide for ${width}`)
      }
    }
    await done()
  })

  test(`${language}: log in, search, act and log out without JavaScript`, async () => {
    const name = `plainly-${language}`
    await portal.ready(name)
    const { page, done } = await open(language, '/admin/stacks', NO_SCRIPT)
    await page.fill('#search', name)
    await go(page, '.search button')
    assert.equal(await page.locator('#live tbody tr').count(), 1)
    await page.check(`[name="pick.${name}"]`)
    await go(page, '.bar button[value=stop]')
    assert.equal(await content(page, 'h1'), text(language, 'admin.ask.stop.single', { name }))
    await go(page, '.ask .primary')
    const path = await page.getAttribute('#live a[href^="/deployment/"]', 'href')
    await portal.follow(path.replace('/deployment/', '/api/status/'))
    await page.reload()
    assert.ok((await content(page, '#live')).includes(text(language, 'admin.end.stopped')))
    await page.click('form[action="/admin/logout"] button')
    await page.waitForSelector('#token')
    await done()
  })
}

test('it is light: its own style and script are under 8 KB compressed', async () => {
  const { page, done } = await open('en')
  const urls = await page.evaluate(() => performance.getEntriesByType('resource')
    .map(({ name }) => name).filter((name) => /\/assets\/.*admin/.test(name)))
  assert.equal(urls.length, 2)
  let bytes = 0
  for (const url of urls) {
    bytes += gzipSync((await portal.api(new URL(url).pathname)).text).length
  }
  assert.ok(bytes < 8 * 1024, `${bytes} bytes`)
  await done()
})
