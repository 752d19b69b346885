// The work goes on at the portal, whatever happens to the page: reloads, second tabs, lost networks, restarts.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { deploy, openDesk, password, ready, text, title } from './browser.mjs'

let desk
before(async () => { desk = await openDesk() })
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

const slow = (ms) => desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms, times: 0 })
const busy = (page) => page.waitForSelector('#step-list li.running')

async function made(name) {
  const { applications } = await desk.world.rehearsal.state()
  return applications.filter((application) => JSON.stringify(application).includes(name)).length
}

test('a reload in the middle picks up where it was', async () => {
  await slow(2500)
  const { page, done } = await desk.visit('en')
  await deploy(page, 'reloaded')
  await page.waitForSelector('#step-list li.done')
  await page.reload()
  assert.equal(await page.isVisible('#home'), false)
  await page.waitForSelector('#step-list li.done')
  assert.equal(await title(page), text('en', 'page.job.running', { name: 'reloaded' }))
  await ready(page)
  assert.equal(await page.evaluate(() => document.activeElement.id), 'job-title')
  assert.equal(await made('reloaded'), 1)
  await done()
})

test('a second tab shows the same work, and both see its end', async () => {
  await slow(2500)
  const { page, context, done } = await desk.visit('en')
  await deploy(page, 'two-tabs')
  await busy(page)
  const second = await context.newPage()
  await second.goto(desk.world.portal.url)
  await busy(second)
  await Promise.all([ready(page), ready(second)])
  assert.equal(await password(second), await password(page))
  assert.equal(await made('two-tabs'), 1)
  await done()
})

test('a network that is lost when it becomes ready: the password comes when it is back, and to no other view', async () => {
  const { page, done } = await desk.visit('nl', { expected: [/Failed to load resource/] })
  await page.route('**/api/stack/late-password', (route) => route.abort())
  await deploy(page, 'late-password')
  await page.waitForFunction((words) => document.querySelector('#outcome')?.textContent.includes(words), text('nl', 'page.unreachable.waiting'))
  await page.unroute('**/api/stack/late-password')
  await ready(page)
  await page.route('**/api/stack/late-password', async (route) => { await page.waitForTimeout(1500); await route.continue().catch(() => {}) })
  await page.goto(`${desk.world.portal.url}/stack/late-password`)
  await page.click('#back')
  await page.waitForSelector('#workspaces li')
  const answered = page.waitForResponse('**/api/stack/late-password')
  await slow(4000)
  await deploy(page, 'another-view')
  await answered
  await busy(page)
  assert.equal(await page.textContent('#outcome'), '', 'what was asked for elsewhere does not come here')
  await done()
})

test('a double click makes one workspace', async () => {
  const { page, done } = await desk.visit('en')
  let sent = 0
  page.on('request', (request) => { if (request.method() === 'POST') sent++ })
  await page.fill('#name', 'clicked-twice')
  await page.waitForSelector('#check.good')
  await page.dblclick('#deploy')
  await ready(page)
  assert.equal(sent, 1)
  assert.equal(await made('clicked-twice'), 1)
  await done()
})

test('an answer that got lost is asked for again: one workspace, and its key', async () => {
  const { page, done } = await desk.visit('en', { expected: [/ERR_/] })
  let times = 0
  await page.route('**/api/deploy', async (route) => {
    if (times++ > 0) return route.continue()
    await route.fetch()
    await route.abort('connectionreset')
  })
  await deploy(page, 'lost-answer')
  await ready(page)
  assert.equal(times, 2)
  assert.equal(await made('lost-answer'), 1)
  assert.match(await page.textContent('#owner-key'), /^own_/)
  await done()
})

test('a reload before the answer goes on with the same attempt', async () => {
  const { page, done } = await desk.visit('en', { expected: [/ERR_/] })
  let times = 0
  await page.route('**/api/deploy', (route) => (times++ === 0 ? route.fetch() : route.continue())) // it arrives; the answer never does
  await page.fill('#name', 'impatient')
  await page.waitForSelector('#check.good')
  const arrived = page.waitForRequest('**/api/deploy')
  await page.click('#deploy')
  await arrived
  await page.waitForFunction(() => fetch('/api/check/impatient').then((answer) => answer.json()).then((found) => !found.available))
  await page.reload()
  await ready(page)
  assert.equal(times, 2)
  assert.equal(await made('impatient'), 1)
  await done()
})

test('a lost network is said as what it is, and the stream comes back', async () => {
  await slow(4000)
  const { page, context, done } = await desk.visit('en', { expected: [/ERR_|Failed to load/] })
  await deploy(page, 'offline-for-a-bit')
  await busy(page)
  await context.setOffline(true)
  await page.waitForSelector('#lost:not([hidden])')
  assert.equal(await title(page), text('en', 'page.job.running', { name: 'offline-for-a-bit' }))
  await context.setOffline(false)
  await page.waitForSelector('#lost', { state: 'hidden' })
  await ready(page)
  await done()
})

test('the portal is killed and started again under an open page', async () => {
  await slow(3000)
  const { page, done } = await desk.visit('nl', { expected: [/ERR_|Failed to load/] })
  await deploy(page, 'portal-restart')
  await busy(page)
  await desk.world.portal.kill9()
  await page.waitForSelector('#lost:not([hidden])')
  assert.equal(await page.textContent('#lost'), text('nl', 'page.lost'))
  assert.equal(await page.isVisible('#again'), false, 'a lost stream is no failure')
  await desk.world.portal.restart()
  await ready(page)
  assert.equal(await page.isVisible('#lost'), false)
  assert.equal(await made('portal-restart'), 1)
  await done()
})

test('an error status in place of the stream is waited out', async () => {
  await slow(3000)
  const { page, done } = await desk.visit('en', { expected: [/503|Failed to load/] })
  let refused = 0
  await page.route('**/api/status/*', (route) => {
    if (route.request().headers().accept !== 'text/event-stream' || refused++ >= 2) return route.continue()
    return route.fulfill({ status: 503, body: '' })
  })
  await deploy(page, 'proxy-trouble')
  await ready(page)
  assert.equal(refused >= 3, true, 'it came back after two refusals')
  await done()
})

test('an id that nobody knows is said so', async () => {
  const { page, done } = await desk.visit('ar', { path: '/deployment/unknown-id', expected: [/404/] })
  await page.waitForFunction((wanted) => document.querySelector('#job-title').textContent === wanted, text('ar', 'page.job.gone'))
  await page.click('#back')
  assert.equal(await page.isVisible('#form'), true)
  await done()
})
