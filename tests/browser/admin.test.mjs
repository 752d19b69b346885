// The admin's page in a browser: by mouse, by keys, without JavaScript; live, over a lost network, in two tabs; for every width and language.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ADMIN } from '../http/harness.mjs'
import { furnish, logIn } from './admin_states.mjs'
import { LANGUAGES, openDesk, said, seconds, text } from './browser.mjs'

const SECTIONS = ['', '/stacks', '/operations', '/queue', '/leftovers', '/findings', '/audit', '/access']
const quiet = { javaScriptEnabled: false }

let desk, portal
before(async () => {
  desk = await openDesk()
  ;({ portal } = desk.world)
  await furnish(desk)
})
after(() => desk?.close())

async function open(language, path = '/admin', options = {}) {
  const visit = await desk.visit(language, { path: `/admin/login?next=${encodeURIComponent(path)}`, ...options })
  await logIn(visit.page)
  return visit
}

const row = (name) => `#stack-${name}`
const shows = (page, selector, words) => page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent.includes(what), [selector, words])
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.name)

async function tabTo(page, wanted) {
  for (let i = 0; i < 60; i++) {
    if (await focused(page) === wanted) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`the keyboard does not reach ${wanted}`)
}

test('the log-in is one that password managers know; a wrong token says so, and the way goes on where it was meant to', async () => {
  const { page, done } = await desk.visit('en', { path: '/admin/audit?who=visitor', expected: [/403/] })
  assert.equal(await page.getAttribute('#token', 'type'), 'password')
  assert.equal(await page.getAttribute('#token', 'autocomplete'), 'current-password')
  assert.equal(await page.getAttribute('[name=username]', 'autocomplete'), 'username')
  assert.equal(await focused(page), 'token')
  await page.keyboard.type('not the token')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.notice.bad')
  assert.ok((await said(page, '.notice.bad')).includes(text('en', 'admin.login.wrong')))
  await logIn(page)
  assert.ok(page.url().endsWith('/admin/audit?who=visitor'))
  assert.equal(await page.evaluate(() => document.cookie), '', 'scripts do not see the session')
  await done()
})

test('by keys alone: search, pick two, stop them, and see how each comes to its end', async () => {
  await portal.ready('key-one')
  await portal.ready('key-two')
  const { page, done } = await open('en', '/admin/stacks')
  await tabTo(page, 'search')
  await page.keyboard.type('key-')
  await page.waitForFunction(() => document.querySelectorAll('#live tbody tr').length === 2)
  assert.ok(page.url().endsWith('/admin/stacks?search=key-'))
  assert.equal(await focused(page), 'search', 'the focus stays where one types')
  await tabTo(page, 'pick.key-one')
  await page.keyboard.press('Space')
  await tabTo(page, 'pick.key-two')
  await page.keyboard.press('Space')
  assert.equal(await said(page, '#picked-count'), text('en', 'admin.live.picked', { count: 2 }))
  await page.focus('.bar button[value=stop]')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/stacks/act?**')
  assert.deepEqual(await page.locator('.names li').allTextContents(), ['key-one', 'key-two'])
  await page.focus('.ask .primary')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/admin/stacks/done/*')
  await page.waitForFunction((end) => [...document.querySelectorAll('#live .state')].filter((state) => state.textContent === end).length === 2,
    text('en', 'admin.end.stopped'), { timeout: seconds(30) })
  await page.goto(`${portal.url}/admin/stacks?state=stopped`)
  assert.equal(await page.locator(`${row('key-one')}, ${row('key-two')}`).count(), 2)
  await done()
})

test('what happens elsewhere is seen at once; what is picked and focused stays', async () => {
  const { page, done } = await open('en', '/admin/stacks')
  await page.check('[name="pick.atelier"]')
  await page.focus(`${row('atelier')} a`)
  await portal.ready('out-of-nowhere')
  await page.waitForSelector(`${row('out-of-nowhere')} .ready`)
  assert.ok(await page.isChecked('[name="pick.atelier"]'))
  assert.equal(await page.evaluate(() => document.activeElement.closest('tr')?.id), 'stack-atelier')
  assert.equal(await said(page, '#picked-count'), text('en', 'admin.live.picked', { count: 1 }))
  await done()
})

test('a lost network is told, and what was missed is there when it is back', async () => {
  const { page, context, done } = await open('nl', '/admin/access', { expected: [/ERR_INTERNET_DISCONNECTED|Failed to (load|fetch)/] })
  await context.setOffline(true)
  await shows(page, '#link', text('nl', 'admin.live.lost'))
  await portal.api('/api/invites', { method: 'POST', key: ADMIN, json: { label: 'while-away' } })
  await context.setOffline(false)
  await shows(page, '#live', 'while-away')
  await page.waitForFunction(() => document.querySelector('#link').textContent === '')
  await done()
})

test('a log-out in one tab ends the other', async () => {
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

test('a deletion wants its word typed, and says what became of the files', async () => {
  await portal.ready('doomed')
  const { page, done } = await open('nl', '/admin/stacks/doomed', { expected: [/422/] })
  await page.click('.wary')
  assert.equal(await said(page, 'h1'), text('nl', 'admin.ask.delete.single', { name: 'doomed' }))
  await page.fill('#confirm', 'doomde')
  await page.click('.danger')
  await page.waitForSelector('#trouble')
  assert.equal(await said(page, '#trouble'), text('nl', 'page.delete.mismatch', { name: 'doomed' }))
  await page.fill('#confirm', 'doomed')
  await page.click('.danger')
  await page.waitForURL('**/admin/stacks/done/*')
  await shows(page, '#live .state', text('nl', 'admin.end.deleted'))
  await page.goto(`${portal.url}/admin/leftovers`)
  await shows(page, '#live', 'portal-ai-workspace-doomed')
  await done()
})

test('a token is told once, and revoked', async () => {
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

test('a workspace that is missing in Dokploy is repaired from its finding', async () => {
  const { page, done } = await open('en', '/admin/findings')
  await page.click('#live form[action$="/repair"] button')
  await page.waitForURL('**/deployment/*')
  await page.waitForSelector('#job.ready', { timeout: seconds(60) })
  await page.goto(`${portal.url}/admin/findings`)
  await shows(page, '#live', text('en', 'admin.finding.none'))
  await done()
})

test('a filter is an address: back goes back, and the browser writes times and numbers as the reader does', async () => {
  const { page, done } = await open('ar', '/admin/operations')
  await page.click('.chips a >> nth=5')
  assert.ok(page.url().includes('state=failed'))
  await shows(page, '#live tbody', 'missing-image')
  await page.goBack()
  assert.ok(!page.url().includes('state'))
  const { iso, told } = await page.$eval('#live time', (time) => ({ iso: time.dateTime, told: time.textContent }))
  const [month, ...numbers] = await page.evaluate((at) => [new Intl.DateTimeFormat('ar', { month: 'long' }).format(new Date(at)), at.slice(0, 4),
    String(new Date(at).getDate())], iso)
  assert.ok([month, ...numbers].every((part) => told.includes(part)), told)
  assert.equal(await page.$eval('#live tbody th bdi', (name) => name.dir), 'ltr')
  await done()
})

for (const language of LANGUAGES) {
  test(`${language}: nothing runs off a narrow or a middling screen; every target is 24 pixels or more`, async () => {
    const { page, done } = await open(language)
    for (const section of SECTIONS) {
      await page.goto(`${portal.url}/admin${section}`)
      for (const width of [320, 800, 1000, 1280]) {
        await page.setViewportSize({ width, height: 640 })
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${section} is too wide for ${width}`)
        const small = await page.$$eval('a, button, summary, input:not([type=hidden]), select', (all) => all.filter((one) => one.checkVisibility())
          .filter((one) => getComputedStyle(one).display !== 'inline' && !one.matches('.skip'))
          .filter((one) => { const box = one.getBoundingClientRect(); return box.width < 24 || box.height < 24 }).map((one) => one.outerHTML))
        assert.deepEqual(small, [], `${section} at ${width}`)
      }
    }
    await done()
  })

  test(`${language}: without JavaScript one logs in, looks, searches, acts and logs out`, async () => {
    const name = `plainly-${language}`
    await portal.ready(name)
    const { page, done } = await open(language, '/admin/stacks', quiet)
    await page.fill('#search', name)
    await page.click('.search button')
    assert.equal(await page.locator('#live tbody tr').count(), 1)
    await page.check(`[name="pick.${name}"]`)
    await page.click('.bar button[value=stop]')
    assert.equal(await said(page, 'h1'), text(language, 'admin.ask.stop.single', { name }))
    await page.click('.ask .primary')
    const id = (await page.getAttribute('#live a[href^="/deployment/"]', 'href')).split('/').pop()
    await portal.follow(`/api/status/${id}`)
    await page.reload()
    assert.ok((await said(page, '#live')).includes(text(language, 'admin.end.stopped')))
    await page.click('form[action="/admin/logout"] button')
    await page.waitForSelector('#token')
    await done()
  })
}

test('it is light: its own style and script are under 8 KB compressed', async () => {
  const { page, done } = await open('en')
  const addresses = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.includes('admin')
    && name.includes('/assets/')))
  assert.equal(addresses.length, 2)
  let bytes = 0
  for (const address of addresses) bytes += gzipSync((await portal.api(address.slice(portal.url.length))).text).length
  assert.ok(bytes < 8 * 1024, `${bytes} bytes`)
  await done()
})
