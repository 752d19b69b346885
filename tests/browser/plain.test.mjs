// JavaScript off: the whole job by forms and pages, in the same words.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { LANGUAGES, openDesk, seconds, text } from './browser.mjs'

let desk
before(async () => { desk = await openDesk() })
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

const quiet = { javaScriptEnabled: false }
const heading = async (page) => (await page.locator('h1:visible').first().textContent()).replace(/[\u2066-\u2069]/g, '')
const body = async (page) => (await page.textContent('main')).replace(/[\u2066-\u2069]/g, '')

async function order(page, name) {
  await page.fill('#name', name)
  await page.click('#deploy')
  await page.waitForURL('**/deployment/*')
}

// As if this browser had made what belongs to that key.
const own = (context, value) =>
  context.addCookies([{ name: '__Host-owner', value, url: desk.world.portal.url.replace('http:', 'https:'), httpOnly: true, sameSite: 'Strict' }])

const link = (page, path) => page.waitForSelector(`.bare a[href="${path}"]`, { timeout: seconds(40) })

for (const language of LANGUAGES) {
  test(`${language}: from a name to a workspace, its password, a stop, and its deletion`, async () => {
    const name = `quietly-${language}`
    await desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 1500, name, times: 0 })
    const { page, done } = await desk.visit(language, quiet)
    assert.equal(await page.isVisible('#key-entry'), false, 'what needs a script is not shown')
    await order(page, name)
    assert.equal(await heading(page), text(language, 'page.job.running', { name }))
    assert.ok((await body(page)).includes(text(language, 'plain.refresh')))
    await (await link(page, `/stack/${name}`)).click() // the page refreshes until the link is there
    assert.equal(await heading(page), text(language, 'page.stack.title', { name }))
    await page.click('form[action$="/password"] button')
    const shown = (await page.locator('.bare .value bdi').allTextContents())[2]
    assert.equal((await desk.world.rehearsal.stack(name, '/path', { password: shown })).status, 200, 'the password opens it')
    await page.click('form[action$="/stop"] button')
    await page.waitForURL('**/deployment/*')
    await (await link(page, `/stack/${name}`)).click()
    assert.ok((await body(page)).includes(text(language, 'page.state.stopped')))
    await page.goto(`${desk.world.portal.url}/stacks`)
    await page.click(`a[href="/stack/${name}"]`)
    await page.click('.bare .deletion summary')
    await page.click('form[action$="/delete"] button')
    assert.match(page.url(), /\/stack\//, 'nothing goes before its name is typed')
    await page.fill('form[action$="/delete"] input[required]', name)
    await page.click('form[action$="/delete"] button')
    await link(page, '/')
    assert.equal(await heading(page), text(language, 'page.job.deleted', { name }))
    await desk.world.rehearsal.holdsNothing(name)
    await done()
  })
}

test('a failure says what happened and what was cleaned up, and offers the name again', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name: 'quiet-failure', times: 0 })
  const { page, done } = await desk.visit('nl', quiet)
  await order(page, 'quiet-failure')
  const again = await link(page, '/?name=quiet-failure')
  for (const key of ['failure.deploy_failed.detail', 'page.clean']) assert.ok((await body(page)).includes(text('nl', key)), key)
  await again.click()
  assert.equal(await page.inputValue('#name'), 'quiet-failure')
  await done()
})

test('cancel is a button', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'hang', ms: 5000, name: 'quiet-cancel', times: 0 })
  const { page, done } = await desk.visit('en', quiet)
  await order(page, 'quiet-cancel')
  await page.click('form[action$="/cancel"] button')
  await link(page, '/?name=quiet-cancel')
  assert.equal(await heading(page), text('en', 'page.job.cancelled', { name: 'quiet-cancel' }))
  await desk.world.rehearsal.holdsNothing('quiet-cancel')
  await done()
})

test('a new password, by two clicks', async () => {
  const { key } = await desk.world.portal.ready('quiet-lock')
  const old = (await desk.world.portal.stack('quiet-lock', { key })).json.password
  const { page, context, done } = await desk.visit('nl', quiet)
  await own(context, key)
  await page.goto(`${desk.world.portal.url}/stack/quiet-lock`)
  await page.locator('.bare details').first().locator('summary').click()
  await page.locator('form[action$="/password"] button', { hasText: text('nl', 'page.rotate.go') }).click()
  await page.waitForURL('**/deployment/*')
  await (await link(page, '/stack/quiet-lock')).click()
  await page.locator('form[action$="/password"] button', { hasText: text('nl', 'plain.reveal') }).click()
  const fresh = (await page.locator('.bare .value bdi').allTextContents())[2]
  assert.notEqual(fresh, old)
  assert.equal((await desk.world.rehearsal.stack('quiet-lock', '/path', { password: fresh })).status, 200)
  assert.equal((await desk.world.rehearsal.stack('quiet-lock', '/path', { password: old })).status, 401)
  await done()
})

test('the page can be told to stand still, and to move again', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'hang', ms: 8000, name: 'quiet-reader', times: 0 })
  const { page, done } = await desk.visit('ar', quiet)
  const refreshes = () => page.locator('meta[http-equiv=refresh]').count()
  await order(page, 'quiet-reader')
  assert.equal(await refreshes(), 1)
  await page.click('.bare a[href$="?still=1"]')
  assert.equal(await refreshes(), 0)
  assert.equal(await page.getAttribute('html', 'lang'), 'ar')
  assert.ok((await body(page)).includes(text('ar', 'plain.again')))
  await page.click('.bare a[href^="/deployment/"]:not([href*=still])')
  assert.equal(await refreshes(), 1)
  await page.click('form[action$="/cancel"] button')
  await link(page, '/?name=quiet-reader')
  await done()
})

test('files that were kept are listed, with the day; they go after their workspace\'s name is typed', async () => {
  const { key } = await desk.world.portal.ready('quiet-files')
  const { json } = await desk.world.portal.remove('quiet-files', { key })
  await desk.world.portal.follow(json.statusUrl)
  const { page, context, done } = await desk.visit('nl', quiet)
  await own(context, key)
  await page.goto(`${desk.world.portal.url}/stacks`)
  const today = new Date().toISOString().slice(0, 10)
  assert.ok((await body(page)).includes(text('nl', 'page.kept.since', { time: today })))
  await page.click('.deletion summary')
  await page.fill('.deletion input[required]', 'something-else')
  await page.click('.deletion button')
  assert.match(page.url(), /\/stacks$/, 'that is not its name')
  await page.fill('.deletion input[required]', 'quiet-files')
  await page.click('.deletion button')
  await page.waitForURL('**/deployment/*')
  await link(page, '/')
  assert.equal(await heading(page), text('nl', 'page.job.purged', { name: 'quiet-files' }))
  assert.ok(!JSON.stringify((await desk.world.rehearsal.state()).volumes).includes('quiet-files'))
  await done()
})

test('a refusal is a page in the language that was chosen', async () => {
  const { page, done } = await desk.visit('en', { ...quiet, expected: [/4\d\d/] })
  await page.click('#languages a[lang=ar]')
  await page.fill('#name', 'a--b')
  await page.click('#deploy')
  assert.equal(await page.getAttribute('html', 'dir'), 'rtl')
  assert.equal(await heading(page), text('ar', 'problem.name_invalid.title'))
  assert.ok((await body(page)).includes(text('ar', 'name.invalid.hyphens')))
  await done()
})

test('somebody else sees neither the workspace nor its buttons', async () => {
  await desk.world.portal.ready('not-for-you')
  const { page, done } = await desk.visit('en', { ...quiet, path: '/stack/not-for-you', expected: [/404/] })
  assert.equal(await heading(page), text('en', 'problem.stack_unknown.title'))
  assert.equal(await page.locator('.bare form').count(), 0)
  await page.goto(`${desk.world.portal.url}/stacks`)
  assert.ok((await body(page)).includes(text('en', 'plain.none')))
  await done()
})
