// A notification when it is ready: asked for by a click and never before, shown by the system to who looks elsewhere, and to nobody else.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { LANGUAGES, deploy, openDesk, ready, text } from './browser.mjs'

let desk
before(async () => { desk = await openDesk() })
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

// Notes what the browser says it has shown, and how often the page asks for leave. Nothing is stood in for.
function watch() {
  window.seen = []
  window.asked = 0
  const Real = window.Notification
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options)
      this.addEventListener('show', () => window.seen.push({ title, body: options.body, lang: options.lang }))
    }

    static requestPermission() {
      window.asked++
      return Real.requestPermission()
    }
  }
}

async function visit(language, allowed) {
  const made = await desk.visit(language)
  if (allowed) await made.context.grantPermissions(['notifications'], { origin: desk.world.portal.url })
  await made.context.addInitScript(watch)
  await made.page.reload()
  return made
}

// Another tab in front: the page is there, and nobody looks at it. (Playwright lets every page believe that it is looked at.)
async function lookElsewhere({ page, context }) {
  const wire = await context.newCDPSession(page)
  await wire.send('Emulation.setFocusEmulationEnabled', { enabled: false })
  const other = await context.newPage()
  await other.bringToFront()
  await page.waitForFunction(() => !document.hasFocus())
}

const slow = (name) => desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 2500, name, times: 0 })

for (const language of LANGUAGES) {
  test(`${language}: who asked for it and looks elsewhere is told, also after a reload`, async () => {
    const name = `tell-me-${language}`
    await slow(name)
    const made = await visit(language, true)
    const { page, done } = made
    await deploy(page, name)
    assert.equal(await page.evaluate(() => window.asked), 0, 'not before a click')
    await page.click('#notify')
    await page.waitForFunction((wanted) => document.querySelector('#notify-note').textContent === wanted, text(language, 'page.notify.on'))
    assert.equal(await page.evaluate(() => window.asked), 1)
    await page.reload()
    await page.waitForSelector('#notify-note:not(:empty)')
    await lookElsewhere(made)
    await ready(page)
    await page.waitForFunction(() => window.seen.length > 0)
    const seen = await page.evaluate(() => window.seen)
    assert.deepEqual(seen.map(({ title, ...rest }) => ({ title: title.replace(/[\u2066-\u2069]/g, ''), ...rest })),
      [{ title: text(language, 'page.job.ready', { name }), body: text(language, 'page.title'), lang: language }])
    assert.equal(await page.evaluate(() => window.asked), 0, 'not asked again')
    await done()
  })
}

test('who looks is not told', async () => {
  await slow('watched-pot')
  const { page, done } = await visit('en', true)
  await deploy(page, 'watched-pot')
  await page.click('#notify')
  await ready(page)
  assert.deepEqual(await page.evaluate(() => window.seen), [])
  await done()
})

test('who did not ask is not told; who said no is not offered it again', async () => {
  await slow('no-thanks')
  const made = await visit('en', false)
  const { page, done } = made
  await deploy(page, 'no-thanks')
  if (await page.isVisible('#notify')) {
    await page.click('#notify') // this browser says no for everybody who was not asked about beforehand
    await page.waitForSelector('#notify-row', { state: 'hidden' })
  }
  await lookElsewhere(made)
  await ready(page)
  assert.deepEqual(await page.evaluate(() => window.seen), [])
  await done()
})
