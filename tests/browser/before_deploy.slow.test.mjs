// Before a deployment: the choice of a template, and how long it will take. Afterwards: the
// position in the queue.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queueLimits } from '../http/harness.mjs'
import {
  LANGUAGES, content, deploy, go, ready, text, title, useBrowser,
} from './browser_fixture.mjs'
import { treeWithTemplates } from './scenes.mjs'

let withChoice
const fixture = useBrowser({ edits: queueLimits(1) }, async (started) => {
  withChoice = await started.addPortal({ root: treeWithTemplates() })
})

// The memory limit that Dokploy has, in GiB.
const memory = async (name) => {
  const { applications } = await fixture.rehearsal.state()
  const { applicationId } = applications.find((one) => JSON.stringify(one).includes(name))
  const { memoryLimit } = await fixture.rehearsal.dokploy('application.one', { applicationId })
  return Number(memoryLimit) / 2 ** 30
}

test('a template can be chosen by keyboard', async () => {
  const { page, done } = await fixture.visit('nl', { origin: withChoice.url })
  const size = text('nl', 'template.size', { size: '4' })
  assert.ok((await content(page, '.choices')).includes(size))
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

test('a click on its text chooses a template; the first one is the default', async () => {
  const { page, done } = await fixture.visit('ar', { origin: withChoice.url })
  await deploy(page, 'usual-one')
  await ready(page)
  assert.equal(await memory('usual-one'), 2)
  await go(page, '#back')
  await page.click('.choice:has([value=large]) strong')
  await deploy(page, 'roomy-two')
  await ready(page)
  assert.equal(await memory('roomy-two'), 4)
  await done()
})

// The text with the plural form that the language has for the number.
const waiting = (language, count) => {
  const form = new Intl.PluralRules(language).select(count)
  return text(language, `wait.before.${form}`, { count })
}

test('visitors are told how many wait before them, and their position', async () => {
  const { portal, rehearsal } = fixture
  const names = ['line-0', 'line-1', 'line-2']
  for (const name of names) await rehearsal.faults({ at: 'deploy', kind: 'hang', name, times: 0 })
  const queue = []
  for (const name of names) queue.push((await portal.deploy(name)).json)
  const cancel = ({ deploymentId, ownerKey }) => portal.cancel(deploymentId, { key: ownerKey })
  for (const language of LANGUAGES) {
    const { page, done } = await fixture.visit(language)
    // An estimate is kept for some seconds.
    while (!(await content(page, '#wait')).startsWith(waiting(language, 2))) await page.reload()
    if (language === 'en') {
      const positionIs = (position) => page.waitForFunction((wanted) =>
        document.querySelector('#now').textContent.startsWith(wanted),
      text('en', 'page.queue.position', { position }))
      await deploy(page, 'end-of-line')
      await positionIs(3)
      assert.equal(await title(page), text('en', 'page.job.running', { name: 'end-of-line' }))
      await cancel(queue[1])
      await positionIs(2)
      await page.click('#cancel')
      await page.waitForSelector('#job.cancelled #again')
      queue[1] = (await portal.deploy('line-1')).json
    }
    await done()
  }
  for (const operation of queue.reverse()) await cancel(operation)
})
