// Other ends than ready: a failure, a cancellation; what is said of them, and that nothing stays behind.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { LANGUAGES, deploy, ended, openDesk, ready, said, text, title } from './browser.mjs'

let desk
before(async () => { desk = await openDesk() })
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

for (const language of LANGUAGES) {
  test(`${language}: a failure says what happened, what was cleaned up, and what to do`, async () => {
    const name = `no-image-${language}`
    await desk.world.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
    const { page, done } = await desk.visit(language)
    await deploy(page, name)
    await ended(page, 'failed')
    assert.equal(await title(page), text(language, 'page.job.failed', { name }))
    const image = (await desk.world.rehearsal.state()).image ?? 'ai-stack:rehearsal'
    const outcome = await said(page, '#outcome')
    for (const key of ['failure.image_not_found.detail', 'failure.image_not_found.advice', 'page.clean']) {
      assert.ok(outcome.includes(text(language, key, { image })), `${key} is in: ${outcome}`)
    }
    assert.ok(outcome.includes(page.url().split('/').pop()), 'the id for support')
    assert.equal(await page.locator('#step-list li.failed').count(), 1)
    assert.equal(await page.locator('#step-list li.running').count(), 0)
    assert.equal(await said(page, '[data-step=health] .unseen'), `(${text(language, 'page.step.skipped')})`, 'nothing is to come any more')
    await desk.world.rehearsal.holdsNothing(name)
    await page.reload()
    await ended(page, 'failed')
    assert.equal(await page.locator('#step-list li.failed').count(), 1, 'told the same after a reload')
    await done()
  })
}

test('after a failure, one click tries again', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name: 'second-chance', times: 0 })
  const { page, done } = await desk.visit('en')
  await deploy(page, 'second-chance')
  await ended(page, 'failed')
  await desk.world.rehearsal.forgetFaults()
  await page.click('#again')
  await ready(page)
  assert.equal(await title(page), text('en', 'page.job.ready', { name: 'second-chance' }))
  await done()
})

test('cancel ends in verified clean', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'hang', ms: 3000, name: 'changed-mind', times: 0 })
  const { page, done } = await desk.visit('nl')
  await deploy(page, 'changed-mind')
  await page.waitForSelector('[data-step=outcome].running')
  await page.click('#cancel')
  await page.waitForSelector('[data-step=outcome].stopped')
  await ended(page, 'cancelled')
  assert.equal(await said(page, '[data-step=outcome] .unseen'), `(${text('nl', 'page.step.stopped')})`)
  assert.equal(await title(page), text('nl', 'page.job.cancelled', { name: 'changed-mind' }))
  assert.ok((await said(page, '#outcome')).includes(text('nl', 'page.clean')))
  await desk.world.rehearsal.holdsNothing('changed-mind')
  await page.click('#back')
  assert.equal(await page.isVisible('#mine'), false)
  await done()
})

test('a step that waits for Dokploy when it is cancelled waits no more', async () => {
  const { world: { portal, rehearsal } } = desk
  await rehearsal.faults([
    { at: 'deploy', kind: 'hang', name: 'ahead', times: 0 }, { at: 'application.delete', kind: 'latency', ms: 1500, name: 'behind', times: 0 },
  ])
  const ahead = await portal.deploy('ahead')
  await portal.follow(ahead.json.statusUrl, { until: ({ data }) => data.step === 'outcome' })
  const { page, done } = await desk.visit('en')
  await deploy(page, 'behind')
  await page.waitForSelector('[data-step=outcome].waiting')
  await page.click('#cancel')
  await page.waitForSelector('[data-step=outcome].stopped')
  await page.waitForSelector('[data-step=application].undoing')
  const { steps } = (await portal.status(new URL(page.url()).pathname.replace('/deployment/', '/api/status/'))).json
  assert.deepEqual(steps.filter(({ step }) => ['outcome', 'health'].includes(step)).map(({ state }) => state), ['stopped', 'pending'])
  await page.reload()
  await page.waitForSelector('[data-step=outcome].stopped')
  await rehearsal.forgetFaults()
  await ended(page, 'cancelled')
  await portal.cancel(ahead.json.deploymentId, { key: ahead.json.ownerKey })
  await portal.follow(ahead.json.statusUrl)
  await done()
})

test('only who started it can cancel', async () => {
  await desk.world.rehearsal.faults({ at: 'deploy', kind: 'latency', ms: 2500, name: 'watched', times: 0 })
  const first = await desk.visit('en')
  await deploy(first.page, 'watched')
  const watcher = await desk.visit('en', { path: first.page.url().slice(desk.world.portal.url.length), expected: [/404/] })
  await watcher.page.waitForSelector('#step-list li.running')
  assert.equal(await first.page.isVisible('#cancel'), true)
  assert.equal(await watcher.page.isVisible('#cancel'), false)
  await ready(first.page)
  await watcher.page.waitForSelector('#job.ready #open')
  await first.done()
  await watcher.done()
})

test('files go too when the box is ticked; all the while it is called a deletion', async () => {
  await desk.world.rehearsal.faults({ at: 'application.delete', kind: 'latency', ms: 700 })
  const { page, done } = await desk.visit('en')
  await deploy(page, 'all-of-it')
  await ready(page)
  await page.click('#delete-open')
  await page.check('#delete-data')
  await page.fill('#delete-name', 'all-of-it')
  await page.evaluate(() => {
    const heading = document.querySelector('#job-title')
    window.headings = []
    new MutationObserver(() => window.headings.push(heading.textContent)).observe(heading, { childList: true, characterData: true, subtree: true })
  })
  await page.click('#delete-go')
  await page.waitForSelector('#job.deleted #again')
  assert.deepEqual([...new Set(await page.evaluate(() => window.headings))],
    ['page.job.deleting', 'page.job.deleted'].map((key) => text('en', key, { name: 'all-of-it' })))
  assert.ok((await said(page, '#outcome')).includes(text('en', 'page.deleted.gone')))
  const { volumes } = await desk.world.rehearsal.state()
  assert.ok(!JSON.stringify(volumes).includes('all-of-it'))
  await done()
})
