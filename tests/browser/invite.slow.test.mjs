// Portals that are not open to everyone: with invites, and closed. With JavaScript and without.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN } from '../http/harness.mjs'
import {
  LANGUAGES, NO_SCRIPT, content, deploy, deployPlainly, focused, go, ready, seconds, text, title,
  useBrowser,
} from './browser_fixture.mjs'

let closed
const fixture = useBrowser({ env: { ACCESS: 'invite' } }, async (started) => {
  closed = await started.addPortal({ env: { ACCESS: 'closed' } })
})

async function invite() {
  const options = { method: 'POST', json: { uses: 1, label: 'guest' }, key: ADMIN }
  const { status, json } = await fixture.portal.api('/api/invites', options)
  assert.equal(status, 201)
  return json.code
}

const problemSays = (page, words) => page.waitForFunction((wanted) =>
  document.querySelector('#problem').textContent.includes(wanted), words)

for (const language of LANGUAGES) {
  test(`${language}: a missing invite is asked for; with one it works`, async () => {
    const name = `guest-${language}`
    const { page, done } = await fixture.visit(language, { expected: [/40[0-9]/] })
    const hint = text(language, 'problem.invite_needed.detail')
    assert.equal(await content(page, '#invite-hint'), hint)
    await page.fill('#name', name)
    await page.waitForSelector('#check.good')
    await page.click('#deploy')
    await problemSays(page, text(language, 'problem.invite_needed.title'))
    assert.equal(await focused(page), 'invite')
    await page.fill('#invite', 'not-an-invite')
    await page.keyboard.press('Enter')
    await problemSays(page, text(language, 'problem.invite_invalid.title'))
    assert.equal(await page.getAttribute('#invite', 'aria-invalid'), 'true')
    await page.fill('#invite', await invite())
    await page.keyboard.press('Enter')
    await ready(page)
    assert.equal(await title(page), text(language, 'page.job.ready', { name }))
    await done()
  })

  test(`${language}: a closed portal says so, and has no form`, async () => {
    for (const javaScriptEnabled of [true, false]) {
      const options = { origin: closed.url, javaScriptEnabled }
      const { page, done } = await fixture.visit(language, options)
      const detail = text(language, 'problem.access_closed.detail')
      assert.equal(await content(page, '.closed'), detail)
      assert.equal(await page.isVisible('#form'), false)
      await done()
    }
  })
}

test('an invite works without JavaScript', async () => {
  const { page, done } = await fixture.visit('nl', NO_SCRIPT)
  await page.fill('#name', 'quiet-guest')
  await page.click('#deploy')
  assert.equal(new URL(page.url()).pathname, '/', 'the browser asks for the code')
  await page.fill('#invite', await invite())
  await deployPlainly(page, 'quiet-guest')
  await page.waitForSelector('#job.ready', { timeout: seconds(40) })
  await done()
})

test('an owner can look at a workspace without another invite', async () => {
  const { page, done } = await fixture.visit('en')
  await page.fill('#invite', await invite())
  await deploy(page, 'came-back')
  await ready(page)
  await page.goto(fixture.portal.url)
  await go(page, '#workspaces [data-name=came-back] a')
  await page.waitForSelector('#password')
  await done()
})
