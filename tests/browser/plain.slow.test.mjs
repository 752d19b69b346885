// JavaScript off: the whole job by forms and pages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LANGUAGES, NO_SCRIPT, content, deployPlainly, go, own, reloadUntil, seconds, text, unmarked,
  useBrowser,
} from './browser_fixture.mjs'

const fixture = useBrowser()

const heading = async (page) => unmarked(await page.locator('h1:visible').first().textContent())
const main = (page) => content(page, 'main')
const over = (page, state) => reloadUntil(page, `#job.${state}`)

// Shows the password, and checks which one opens the workspace.
async function passwordThatOpens(page, name) {
  const shown = () => page.textContent('#password')
  do await go(page, '#reveal')
  while ((await shown()).startsWith('•'))
  const password = await shown()
  const { status } = await fixture.rehearsal.stack(name, '/path', { password })
  assert.equal(status, 200, 'the password opens it')
  return password
}

for (const language of LANGUAGES) {
  test(`${language}: from a name to a workspace, its password, a stop, its deletion`, async () => {
    const name = `quietly-${language}`
    await fixture.rehearsal.hold('deploy', name)
    const { page, done } = await fixture.visit(language, NO_SCRIPT)
    assert.equal(await page.isVisible('#preview'), false, 'what needs a script is not shown')
    await deployPlainly(page, name)
    assert.equal(await heading(page), text(language, 'page.job.running', { name }))
    assert.ok((await main(page)).includes(text(language, 'plain.refresh')))
    await fixture.rehearsal.forgetFaults()
    await page.waitForSelector('#job.ready', { timeout: seconds(40) }) // the page reloads itself
    assert.equal(await heading(page), text(language, 'page.job.ready', { name }))
    await passwordThatOpens(page, name)
    assert.equal(await heading(page), text(language, 'page.stack.title', { name }))
    await go(page, '#reveal')
    assert.match(await page.textContent('#password'), /^•+$/, 'hidden again')
    await go(page, 'form[action$="/stop"] button')
    await over(page, 'stopped')
    assert.equal(await heading(page), text(language, 'page.job.stopped', { name }))
    await page.goto(`${fixture.portal.url}/stacks`)
    await go(page, `a[href="/stack/${name}"]`)
    assert.ok((await main(page)).includes(text(language, 'page.state.stopped')))
    await page.click('#delete-open')
    await page.click('#delete .danger')
    assert.match(page.url(), /\/stack\//, 'nothing is deleted before its name is typed')
    await page.fill('#delete input[required]', name)
    await go(page, '#delete .danger')
    await over(page, 'deleted')
    assert.equal(await heading(page), text(language, 'page.job.deleted', { name }))
    await fixture.rehearsal.holdsNothing(name)
    await done()
  })
}

test('a failure says what happened and was cleaned up, and offers the name again', async () => {
  const name = 'quiet-failure'
  await fixture.rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name, times: 0 })
  const { page, done } = await fixture.visit('nl', NO_SCRIPT)
  await deployPlainly(page, name)
  await over(page, 'failed')
  for (const key of ['failure.deploy_failed.detail', 'page.clean']) {
    assert.ok((await main(page)).includes(text('nl', key)), key)
  }
  await go(page, '#again')
  assert.equal(await page.inputValue('#name'), name)
  await done()
})

test('cancel is a button', async () => {
  const name = 'quiet-cancel'
  await fixture.rehearsal.hold('deploy', name)
  const { page, done } = await fixture.visit('en', NO_SCRIPT)
  await deployPlainly(page, name)
  await go(page, '#cancel')
  await fixture.rehearsal.forgetFaults()
  await over(page, 'cancelled')
  assert.equal(await heading(page), text('en', 'page.job.cancelled', { name }))
  await fixture.rehearsal.holdsNothing(name)
  await done()
})

test('a new password, by two clicks', async () => {
  const name = 'quiet-lock'
  const { key } = await fixture.portal.ready(name)
  const old = (await fixture.portal.stack(name, { key })).json.password
  const { page, context, done } = await fixture.visit('nl', NO_SCRIPT)
  await own(context, fixture.portal.url, key)
  await page.goto(`${fixture.portal.url}/stack/${name}`)
  await page.click('#rotate-open')
  await go(page, '#rotate .primary')
  await over(page, 'ready')
  assert.notEqual(await passwordThatOpens(page, name), old)
  const { status } = await fixture.rehearsal.stack(name, '/path', { password: old })
  assert.equal(status, 401)
  await done()
})

test('refreshing can be stopped and started again', async () => {
  const name = 'quiet-reader'
  await fixture.rehearsal.hold('deploy', name)
  const { page, done } = await fixture.visit('ar', NO_SCRIPT)
  const refreshes = () => page.locator('meta[http-equiv=refresh]').count()
  await deployPlainly(page, name)
  assert.equal(await refreshes(), 1)
  await go(page, 'noscript a[href$="?still=1"]')
  assert.equal(await refreshes(), 0)
  assert.equal(await page.getAttribute('html', 'lang'), 'ar')
  assert.ok((await main(page)).includes(text('ar', 'plain.again')))
  await go(page, 'noscript a[href^="/deployment/"]:not([href*=still])')
  assert.equal(await refreshes(), 1)
  await go(page, '#cancel')
  await fixture.rehearsal.forgetFaults()
  await over(page, 'cancelled')
  await done()
})

test('kept files are listed with the day, and go after the name is typed', async () => {
  const name = 'quiet-files'
  const { key } = await fixture.portal.ready(name)
  const { json } = await fixture.portal.remove(name, { key })
  await fixture.portal.follow(json.statusUrl)
  const { page, context, done } = await fixture.visit('nl', NO_SCRIPT)
  await own(context, fixture.portal.url, key)
  await page.goto(`${fixture.portal.url}/stacks`)
  const today = new Date().toISOString().slice(0, 10)
  assert.ok((await main(page)).includes(text('nl', 'page.kept.since', { time: today })))
  const question = '[data-kept] [id^=purge-]'
  await page.click(`${question} summary`)
  await page.fill(`${question} input[required]`, 'something-else')
  await page.click(`${question} .danger`)
  assert.match(page.url(), /\/stacks$/, 'the wrong name')
  await page.fill(`${question} input[required]`, name)
  await go(page, `${question} .danger`)
  await over(page, 'deleted')
  assert.equal(await heading(page), text('nl', 'page.job.purged', { name }))
  assert.ok(!JSON.stringify((await fixture.rehearsal.state()).volumes).includes(name))
  await done()
})

test('kept files are started again with, under another name', async () => {
  const { key } = await fixture.portal.ready('quiet-start')
  const { volume } = (await fixture.portal.stack('quiet-start', { key })).json
  const { json } = await fixture.portal.remove('quiet-start', { key })
  await fixture.portal.follow(json.statusUrl)
  const { page, context, done } = await fixture.visit('nl', NO_SCRIPT)
  await own(context, fixture.portal.url, key)
  await page.goto(`${fixture.portal.url}/stacks`)
  const question = '[data-kept] [id^=restore-]'
  await page.click(`${question} summary`)
  assert.equal(await page.inputValue(`${question} [name=name]`), 'quiet-start')
  await page.fill(`${question} [name=name]`, 'quiet-again')
  await go(page, `${question} .primary`)
  await over(page, 'ready')
  assert.equal((await fixture.portal.stack('quiet-again', { key })).json.volume, volume)
  await done()
})

test('a refusal is a page in the language that was chosen', async () => {
  const { page, done } = await fixture.visit('en', { ...NO_SCRIPT, expected: [/4\d\d/] })
  await go(page, '#languages a[lang=ar]')
  await page.fill('#name', 'a--b')
  await go(page, '#deploy')
  assert.equal(await page.getAttribute('html', 'dir'), 'rtl')
  assert.equal(await heading(page), text('ar', 'problem.name_invalid.title'))
  assert.ok((await main(page)).includes(text('ar', 'name.invalid.hyphens')))
  await done()
})

test('a stranger sees only where its owner enters the key', async () => {
  const { key } = await fixture.portal.ready('not-for-you')
  const options = { ...NO_SCRIPT, path: '/stack/not-for-you', expected: [/404/] }
  const { page, done } = await fixture.visit('en', options)
  assert.equal(await heading(page), text('en', 'problem.stack_unknown.title'))
  assert.equal(await page.locator('main form:not(#key-entry form)').count(), 0)
  await page.goto(`${fixture.portal.url}/stacks`)
  assert.ok((await main(page)).includes(text('en', 'plain.none')))
  await page.goto(`${fixture.portal.url}/stack/not-for-you`)
  await page.click('#key-entry summary')
  await page.fill('#key-entry [name=key]', key)
  await go(page, '#key-entry button')
  await page.waitForSelector('#act-stop')
  await done()
})
