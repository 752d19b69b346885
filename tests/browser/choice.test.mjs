// Before the click: which kind of workspace, and how long it will take with others before you. And the place in the queue afterwards.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { LANGUAGES, deploy, ready, said, text, title } from './browser.mjs'
import { openStage } from './states.mjs'

let desk
before(async () => { desk = await openStage() }) // one place; beside it a portal with two templates
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

// In GiB, as Dokploy has it.
const memory = async (name) => {
  const { rehearsal } = desk.world
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find((application) => JSON.stringify(application).includes(name))
  return Number((await rehearsal.dokploy('application.one', { applicationId })).memoryLimit) / 2 ** 30
}

test('what is chosen by keyboard is what is made', async () => {
  const { page, done } = await desk.visit('nl', { origin: desk.portals.choice.url })
  assert.ok((await said(page, '.choices')).includes(text('nl', 'template.size', { size: '4' })))
  await page.focus('#name')
  await page.keyboard.type('roomy-one')
  await page.waitForSelector('#check.good')
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.value), 'default')
  await page.keyboard.press('ArrowDown')
  assert.equal(await page.isChecked('[value=large]'), true)
  await page.keyboard.press('Enter')
  await ready(page)
  assert.equal(await memory('roomy-one'), 4)
  await done()
})

test('a click on its words chooses it; the first one is chosen for who does not', async () => {
  const { page, done } = await desk.visit('ar', { origin: desk.portals.choice.url })
  await deploy(page, 'usual-one')
  await ready(page)
  assert.equal(await memory('usual-one'), 2)
  await page.click('#back')
  await page.click('.choice:has([value=large]) strong')
  await deploy(page, 'roomy-two')
  await ready(page)
  assert.equal(await memory('roomy-two'), 4)
  await done()
})

// The number in the form that the language has for it.
const waiting = (language, count) => {
  const form = new Intl.PluralRules(language).select(count)
  return text(language, `wait.before.${form}`, { count })
}

test('who comes when others wait is told how many, and where he stands', async () => {
  const { portal, rehearsal } = desk.world
  const names = ['line-0', 'line-1', 'line-2']
  for (const name of names) await rehearsal.faults({ at: 'deploy', kind: 'hang', ms: 30_000, name, times: 0 })
  const made = []
  for (const name of names) made.push((await portal.deploy(name)).json)
  for (const language of LANGUAGES) {
    const { page, done } = await desk.visit(language)
    while (!(await said(page, '#wait')).startsWith(waiting(language, 2))) await page.reload() // an estimate is kept for some seconds
    if (language === 'en') {
      await deploy(page, 'end-of-line')
      await page.waitForFunction((wanted) => document.querySelector('#now').textContent.startsWith(wanted), text('en', 'page.queue.position', { position: 3 }))
      assert.equal(await title(page), text('en', 'page.job.running', { name: 'end-of-line' }))
      await portal.cancel(made[1].deploymentId, { key: made[1].ownerKey })
      await page.waitForFunction((wanted) => document.querySelector('#now').textContent.startsWith(wanted), text('en', 'page.queue.position', { position: 2 }))
      await page.click('#cancel')
      await page.waitForSelector('#job.cancelled #again')
      made[1] = (await portal.deploy('line-1')).json
    }
    await done()
  }
  for (const { deploymentId, ownerKey } of made.reverse()) await portal.cancel(deploymentId, { key: ownerKey })
})
