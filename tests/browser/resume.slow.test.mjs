// The work goes on at the portal, whatever happens to the page: reloads, second tabs, lost
// networks, restarts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  deploy, focused, ownerKey, password, ready, text, title, useBrowser,
} from './browser_fixture.mjs'

const fixture = useBrowser()

const hold = () => fixture.rehearsal.hold('deploy')
const release = () => fixture.rehearsal.forgetFaults()
const running = (page) => page.waitForSelector('#step-list li.running')

async function applicationsOf(name) {
  const { applications } = await fixture.rehearsal.state()
  return applications.filter((application) => JSON.stringify(application).includes(name)).length
}

test('a reload in the middle picks up where it was', async () => {
  await hold()
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'reloaded')
  await page.waitForSelector('#step-list li.done')
  await page.reload()
  assert.equal(await page.isVisible('#home'), false)
  await page.waitForSelector('#step-list li.done')
  assert.equal(await title(page), text('en', 'page.job.running', { name: 'reloaded' }))
  await release()
  await ready(page)
  assert.equal(await focused(page), 'job-title')
  assert.equal(await applicationsOf('reloaded'), 1)
  await done()
})

test('a second tab shows the same work, and both see its end', async () => {
  await hold()
  const { page, context, done } = await fixture.visit('en')
  await deploy(page, 'two-tabs')
  await running(page)
  const second = await context.newPage()
  await second.goto(fixture.portal.url)
  await running(second)
  await release()
  await Promise.all([ready(page), ready(second)])
  assert.equal(await password(second), await password(page))
  assert.equal(await applicationsOf('two-tabs'), 1)
  await done()
})

test('a network that is lost when it becomes ready: the result comes when it is back', async () => {
  const { page, done } = await fixture.visit('nl', { expected: [/Failed to load resource/] })
  await hold()
  await deploy(page, 'late-result')
  await page.route('**/deployment/*', (route) => route.abort())
  await release()
  await page.waitForSelector('#lost:not([hidden])')
  assert.equal(await page.textContent('#lost'), text('nl', 'live.lost'))
  assert.equal(await page.isVisible('#password'), false)
  await page.unroute('**/deployment/*')
  await ready(page)
  assert.equal(await page.isVisible('#lost'), false)
  await done()
})

test('a double click creates one workspace', async () => {
  const { page, done } = await fixture.visit('en')
  let sent = 0
  page.on('request', (request) => { if (request.method() === 'POST') sent++ })
  await page.fill('#name', 'clicked-twice')
  await page.waitForSelector('#check.good')
  await page.dblclick('#deploy')
  await ready(page)
  assert.equal(sent, 1)
  assert.equal(await applicationsOf('clicked-twice'), 1)
  await done()
})

test('a lost answer is asked for again: one workspace, and its key', async () => {
  const { page, done } = await fixture.visit('en', { expected: [/ERR_/] })
  let times = 0
  await page.route('**/api/deploy', async (route) => {
    if (times++ > 0) return route.continue()
    await route.fetch()
    await route.abort('connectionreset')
  })
  await deploy(page, 'lost-answer')
  await ready(page)
  assert.equal(times, 2)
  assert.equal(await applicationsOf('lost-answer'), 1)
  assert.match(await ownerKey(page), /^own_/)
  await done()
})

test('a reload before the answer resumes the same attempt', async () => {
  const { page, done } = await fixture.visit('en', { expected: [/ERR_/] })
  let times = 0
  // The request arrives; its answer never does.
  await page.route('**/api/deploy', (route) => (times++ === 0 ? route.fetch() : route.continue()))
  await page.fill('#name', 'reloaded-early')
  await page.waitForSelector('#check.good')
  const arrived = page.waitForRequest('**/api/deploy')
  await page.click('#deploy')
  await arrived
  await page.waitForFunction(async () => {
    const answer = await fetch('/api/check/reloaded-early')
    return !(await answer.json()).available
  })
  await page.reload()
  await ready(page)
  assert.equal(times, 2)
  assert.equal(await applicationsOf('reloaded-early'), 1)
  await done()
})

test('a lost network is reported as such, and the stream comes back', async () => {
  await hold()
  const { page, context, done } = await fixture.visit('en', { expected: [/ERR_|Failed to load/] })
  await deploy(page, 'offline-for-a-bit')
  await running(page)
  await context.setOffline(true)
  await page.waitForSelector('#lost:not([hidden])')
  assert.equal(await title(page), text('en', 'page.job.running', { name: 'offline-for-a-bit' }))
  await context.setOffline(false)
  await page.waitForSelector('#lost', { state: 'hidden' })
  await release()
  await ready(page)
  await done()
})

test('the portal is killed and started again under an open page', async () => {
  await hold()
  const { page, done } = await fixture.visit('nl', { expected: [/ERR_|Failed to load/] })
  await deploy(page, 'portal-restart')
  await running(page)
  await fixture.portal.kill9()
  await page.waitForSelector('#lost:not([hidden])')
  assert.equal(await page.textContent('#lost'), text('nl', 'live.lost'))
  assert.equal(await page.isVisible('#again'), false, 'a lost stream is no failure')
  await fixture.portal.restart()
  await release()
  await ready(page)
  assert.equal(await page.isVisible('#lost'), false)
  assert.equal(await applicationsOf('portal-restart'), 1)
  await done()
})

test('an error status instead of the stream is waited out', async () => {
  await hold()
  const { page, done } = await fixture.visit('en', { expected: [/503|Failed to load/] })
  let refused = 0
  await page.route('**/api/status/*', (route) => {
    if (refused++ < 2) return route.fulfill({ status: 503, body: '' })
    if (refused === 3) release()
    return route.continue()
  })
  await deploy(page, 'proxy-trouble')
  await ready(page)
  await done()
})

test('an unknown id gets a page that says so', async () => {
  const { page, done } = await fixture.visit('ar', { path: '/deployment/none', expected: [/404/] })
  assert.equal(await title(page), text('ar', 'page.job.gone'))
  await page.click('#back')
  await page.waitForSelector('#form')
  await done()
})
