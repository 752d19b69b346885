// A portal that is not open to everybody: one that asks for an invite, and one that is closed. With JavaScript and without.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ADMIN, startPortal } from '../http/harness.mjs'
import { LANGUAGES, deploy, openDesk, ready, said, seconds, text, title } from './browser.mjs'

let desk, shut
before(async () => {
  desk = await openDesk({ env: { ACCESS: 'invite' } })
  shut = await startPortal({ rehearsal: desk.world.rehearsal, env: { ACCESS: 'closed' } })
})
after(async () => {
  await shut?.stop()
  await desk?.close()
})

async function invite() {
  const { status, json } = await desk.world.portal.api('/api/invites', { method: 'POST', json: { uses: 1, label: 'guest' }, key: ADMIN })
  assert.equal(status, 201)
  return json.code
}

for (const language of LANGUAGES) {
  test(`${language}: without an invite it is said what is needed; with one it is the same page`, async () => {
    const name = `guest-${language}`
    const { page, done } = await desk.visit(language, { expected: [/40[0-9]/] })
    assert.equal(await said(page, '#invite-hint'), text(language, 'problem.invite_needed.detail'))
    await page.fill('#name', name)
    await page.waitForSelector('#check.good')
    await page.click('#deploy')
    await page.waitForSelector('#problem:not([hidden])')
    assert.ok((await said(page, '#problem')).includes(text(language, 'problem.invite_needed.title')))
    assert.equal(await page.evaluate(() => document.activeElement.id), 'invite')
    await page.fill('#invite', 'not-an-invite')
    await page.keyboard.press('Enter')
    await page.waitForFunction((wanted) => document.querySelector('#problem').textContent.includes(wanted), text(language, 'problem.invite_invalid.title'))
    assert.equal(await page.getAttribute('#invite', 'aria-invalid'), 'true')
    await page.fill('#invite', await invite())
    await page.keyboard.press('Enter')
    await ready(page)
    assert.equal(await title(page), text(language, 'page.job.ready', { name }))
    await done()
  })

  test(`${language}: a closed portal says so, and has no form`, async () => {
    for (const javaScriptEnabled of [true, false]) {
      const { page, done } = await desk.visit(language, { origin: shut.url, javaScriptEnabled })
      assert.equal(await said(page, '.closed'), text(language, 'problem.access_closed.detail'))
      assert.equal(await page.isVisible('#form'), false)
      await done()
    }
  })
}

test('an invite works without JavaScript', async () => {
  const { page, done } = await desk.visit('nl', { javaScriptEnabled: false })
  await page.fill('#name', 'quiet-guest')
  await page.click('#deploy')
  assert.equal(new URL(page.url()).pathname, '/', 'the browser asks for the code')
  await page.fill('#invite', await invite())
  await page.click('#deploy')
  await page.waitForURL('**/deployment/*')
  await page.waitForSelector('.bare a[href="/stack/quiet-guest"]', { timeout: seconds(40) })
  await done()
})

test('who has a workspace may come without an invite to look at it', async () => {
  const { page, done } = await desk.visit('en')
  await page.fill('#invite', await invite())
  await deploy(page, 'came-back')
  await ready(page)
  await page.goto(desk.world.portal.url)
  await page.click('#workspaces [data-name=came-back] a')
  await page.waitForSelector('#password')
  await done()
})
