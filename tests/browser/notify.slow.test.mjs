// Notifications at the end of an operation: asked for by a click and never before, shown by the
// system to visitors who look elsewhere, and to nobody else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LANGUAGES, deploy, ready, text, unmarked, useBrowser } from './browser_fixture.mjs'

const fixture = useBrowser()

// Records what the browser says it has shown, and how often the page asks for permission.
function recordNotifications() {
  window.shown = []
  window.asked = 0
  const Real = window.Notification
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options)
      const record = { title, body: options.body, lang: options.lang }
      this.addEventListener('show', () => window.shown.push(record))
    }

    static requestPermission() {
      window.asked++
      return Real.requestPermission()
    }
  }
}

async function visit(language, isAllowed) {
  const visited = await fixture.visit(language)
  const { context, page } = visited
  if (isAllowed) {
    await context.grantPermissions(['notifications'], { origin: fixture.portal.url })
  }
  await context.addInitScript(recordNotifications)
  await page.reload()
  return visited
}

// Puts another tab in front. (By default Playwright makes every page believe it has the focus.)
async function lookElsewhere({ page, context }) {
  const session = await context.newCDPSession(page)
  await session.send('Emulation.setFocusEmulationEnabled', { enabled: false })
  const other = await context.newPage()
  await other.bringToFront()
  await page.waitForFunction(() => !document.hasFocus())
}

const shown = (page) => page.evaluate(() => window.shown)
const asked = (page) => page.evaluate(() => window.asked)

for (const language of LANGUAGES) {
  test(`${language}: visitors who asked and look elsewhere are notified`, async () => {
    const name = `tell-me-${language}`
    await fixture.rehearsal.hold('deploy', name)
    const visited = await visit(language, true)
    const { page, done } = visited
    await deploy(page, name)
    await page.waitForSelector('#notify:visible')
    assert.equal(await asked(page), 0, 'not before a click')
    await page.click('#notify')
    await page.waitForSelector('#notify-note:not(:empty)')
    assert.equal(await page.textContent('#notify-note'), text(language, 'live.notify.on'))
    assert.equal(await asked(page), 1)
    await page.reload()
    await page.waitForSelector('#notify-note:not(:empty)')
    await lookElsewhere(visited)
    await fixture.rehearsal.forgetFaults()
    await ready(page)
    await page.waitForFunction(() => window.shown.length > 0)
    const [{ title, ...rest }, ...others] = await shown(page)
    assert.equal(unmarked(title), text(language, 'page.job.ready', { name }))
    assert.deepEqual(rest, { body: text(language, 'page.title'), lang: language })
    assert.deepEqual(others, [])
    assert.equal(await asked(page), 0, 'not asked again')
    await done()
  })
}

test('a visitor who looks is not notified', async () => {
  await fixture.rehearsal.hold('deploy', 'watched-pot')
  const { page, done } = await visit('en', true)
  await deploy(page, 'watched-pot')
  await page.click('#notify')
  await fixture.rehearsal.forgetFaults()
  await ready(page)
  assert.deepEqual(await shown(page), [])
  await done()
})

test('a visitor who did not ask is not notified; one who declined is not asked again', async () => {
  await fixture.rehearsal.hold('deploy', 'no-thanks')
  const visited = await visit('en', false)
  const { page, done } = visited
  await deploy(page, 'no-thanks')
  if (await page.isVisible('#notify')) {
    await page.click('#notify') // without a grant this browser declines
    await page.waitForSelector('#notify-row', { state: 'hidden' })
  }
  await lookElsewhere(visited)
  await fixture.rehearsal.forgetFaults()
  await ready(page)
  assert.deepEqual(await shown(page), [])
  await done()
})
