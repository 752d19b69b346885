// Other ends than ready: failures and cancellations. What the page says, and that nothing is left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LANGUAGES, content, deploy, ended, go, ready, remove, text, title, useBrowser,
} from './browser_fixture.mjs'

const fixture = useBrowser()

for (const language of LANGUAGES) {
  test(`${language}: a failure says what happened, what was cleaned up, what to do`, async () => {
    const name = `no-image-${language}`
    await fixture.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
    const { page, done } = await fixture.visit(language)
    await deploy(page, name)
    await ended(page, 'failed')
    assert.equal(await title(page), text(language, 'page.job.failed', { name }))
    const image = (await fixture.rehearsal.state()).image ?? 'ai-stack:rehearsal'
    const outcome = await content(page, '#outcome')
    const keys = ['failure.image_not_found.detail', 'failure.image_not_found.advice', 'page.clean']
    for (const key of keys) {
      assert.ok(outcome.includes(text(language, key, { image })), `${key} is in: ${outcome}`)
    }
    assert.ok(outcome.includes(page.url().split('/').pop()), 'the id for support')
    assert.equal(await page.locator('#step-list li.failed').count(), 1)
    assert.equal(await page.locator('#step-list li.running').count(), 0)
    const skipped = `(${text(language, 'page.step.skipped')})`
    assert.equal(await content(page, '[data-step=health] .unseen'), skipped)
    await fixture.rehearsal.holdsNothing(name)
    await page.reload()
    await ended(page, 'failed')
    assert.equal(await page.locator('#step-list li.failed').count(), 1, 'the same after a reload')
    await done()
  })
}

test('after a failure, one click tries again', async () => {
  const name = 'second-chance'
  await fixture.rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name, times: 0 })
  const { page, done } = await fixture.visit('en')
  await deploy(page, name)
  await ended(page, 'failed')
  await fixture.rehearsal.forgetFaults()
  await page.click('#again')
  await ready(page)
  assert.equal(await title(page), text('en', 'page.job.ready', { name }))
  await done()
})

test('a link to the form with a name starts nothing', async () => {
  const { page, done } = await fixture.visit('en', { path: '/?name=only-a-link' })
  await page.waitForSelector('#check.good')
  assert.equal(await page.inputValue('#name'), 'only-a-link')
  assert.equal((await fixture.portal.check('only-a-link')).json.available, true)
  await done()
})

test('cancelling ends with nothing left', async () => {
  const name = 'changed-mind'
  await fixture.rehearsal.hold('deploy', name)
  const { page, done } = await fixture.visit('nl')
  await deploy(page, name)
  await page.waitForSelector('[data-step=outcome].running')
  await page.click('#cancel')
  await page.waitForSelector('[data-step=outcome].stopped')
  await fixture.rehearsal.forgetFaults()
  await ended(page, 'cancelled')
  const stopped = `(${text('nl', 'page.step.stopped')})`
  assert.equal(await content(page, '[data-step=outcome] .unseen'), stopped)
  assert.equal(await title(page), text('nl', 'page.job.cancelled', { name }))
  assert.ok((await content(page, '#outcome')).includes(text('nl', 'page.clean')))
  await fixture.rehearsal.holdsNothing(name)
  await go(page, '#back')
  await page.waitForSelector('#form')
  assert.equal(await page.isVisible('#workspaces'), false)
  await done()
})

test('a step that waits for Dokploy stops waiting when it is cancelled', async () => {
  const { portal, rehearsal } = fixture
  await rehearsal.hold('deploy', 'ahead')
  await rehearsal.hold('application.delete', 'behind')
  const ahead = await portal.deploy('ahead')
  await portal.follow(ahead.json.statusUrl, { until: ({ data }) => data.step === 'outcome' })
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'behind')
  await page.waitForSelector('[data-step=outcome].waiting')
  await page.click('#cancel')
  await page.waitForSelector('[data-step=outcome].stopped')
  await page.waitForSelector('[data-step=application].undoing')
  const path = new URL(page.url()).pathname.replace('/deployment/', '/api/status/')
  const { steps } = (await portal.status(path)).json
  const states = Object.fromEntries(steps.map(({ step, state }) => [step, state]))
  assert.deepEqual([states.outcome, states.health], ['stopped', 'pending'])
  await page.reload()
  await page.waitForSelector('[data-step=outcome].stopped')
  await rehearsal.forgetFaults()
  await ended(page, 'cancelled')
  await portal.cancel(ahead.json.deploymentId, { key: ahead.json.ownerKey })
  await portal.follow(ahead.json.statusUrl)
  await done()
})

test('only the owner can cancel', async () => {
  await fixture.rehearsal.hold('deploy', 'watched')
  const owner = await fixture.visit('en')
  await deploy(owner.page, 'watched')
  const path = new URL(owner.page.url()).pathname
  const watcher = await fixture.visit('en', { path })
  await watcher.page.waitForSelector('#step-list li.running')
  assert.equal(await owner.page.isVisible('#cancel'), true)
  assert.equal(await watcher.page.isVisible('#cancel'), false)
  await fixture.rehearsal.forgetFaults()
  await ready(owner.page)
  await watcher.page.waitForSelector('#job.ready #open')
  await owner.done()
  await watcher.done()
})

test('ticking the box deletes the files too; it is called a deletion all the while', async () => {
  const name = 'all-of-it'
  await fixture.rehearsal.faults({ at: 'application.delete', kind: 'latency', ms: 700 })
  const { page, done } = await fixture.visit('en')
  await deploy(page, name)
  await ready(page)
  const headings = new Set()
  await page.exposeFunction('noteHeading', (heading) => { headings.add(heading) })
  await page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => {
    const heading = document.querySelector('#job-title')
    const note = () => window.noteHeading(heading.textContent)
    note()
    new MutationObserver(note).observe(heading, { characterData: true, subtree: true })
  }))
  await remove(page, name, { files: true })
  const expected = ['page.job.deleting', 'page.job.deleted'].map((key) => text('en', key, { name }))
  assert.deepEqual([...headings], expected)
  assert.ok((await content(page, '#outcome')).includes(text('en', 'page.deleted.gone')))
  const { volumes } = await fixture.rehearsal.state()
  assert.ok(!JSON.stringify(volumes).includes(name))
  await done()
})
