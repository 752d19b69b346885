// My workspaces: what is told of each, and of the files that outlived one. The portal of these tests looks around all the time.
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { copyRoot } from '../http/harness.mjs'
import { LANGUAGES, deploy, openDesk, password, ready, said, text, title } from './browser.mjs'

let desk
before(async () => {
  const tree = copyRoot()
  for (const [name, round] of [['round', 60], ['usage_round', 600]]) {
    tree.edit('scripts/lib/workspaces/monitor.lua', (text) => text.replace(`  ${name} = ${round}`, `  ${name} = 0.2`))
  }
  desk = await openDesk({ root: tree.root })
})
afterEach(() => desk.world.rehearsal.forgetFaults())
after(() => desk?.close())

// Loads the page until it shows that; what the portal finds out by itself comes when it comes.
async function until(page, selector) {
  while (!await page.waitForSelector(selector, { timeout: 1500 }).catch(() => undefined)) await page.reload()
}

for (const language of LANGUAGES) {
  test(`${language}: since when it is there, and when somebody last worked in it`, async () => {
    const name = `in-use-${language}`
    const { page, done } = await desk.visit(language)
    await deploy(page, name)
    await ready(page)
    assert.equal(await page.locator('.used').count(), 0, 'nobody has been there')
    await desk.world.rehearsal.stack(name, '/L3dvcmtzcGFjZQ/session', { password: await password(page) })
    await page.click('#back')
    await until(page, `[data-name=${name}] time.used`)
    const times = await page.$$eval(`[data-name=${name}] time`, (all) => all.map((time) => [time.textContent.replace(/[\u2066-\u2069]/g, ''), Date.parse(time.dateTime)]))
    assert.equal(times.length, 2)
    assert.match(times[1][0], new RegExp(`^${text(language, 'page.used', { time: '(.+)' })}$`))
    for (const [, at] of times) assert.ok(Math.abs(Date.now() - at) < 120_000)
    await page.click(`[data-name=${name}] a`)
    await page.waitForSelector('#password')
    assert.ok((await said(page, '#outcome')).includes(text(language, 'page.used', { time: '' }).trim()))
    await done()
  })
}

test('a time that is past is told as people do', async () => {
  const told = { en: ['now', '1 minute ago', '3 hours ago', 'yesterday', '29 days ago', 'last month', 'last year'],
    nl: ['nu', '1 minuut geleden', '3 uur geleden', 'gisteren', '29 dagen geleden', 'vorige maand', 'vorig jaar'],
    ar: ['الآن', 'قبل دقيقة واحدة', 'قبل 3 ساعات', 'أمس', 'قبل 29 يومًا', 'الشهر الماضي', 'السنة الماضية'] }
  const seconds = [59, 60, 3 * 3600 + 3599, 86400, 29.9 * 86400, 31 * 86400, 366 * 86400]
  for (const language of LANGUAGES) {
    const { page, done } = await desk.visit(language)
    const said = await page.evaluate(async (all) => {
      const { ago } = await import(document.querySelector('script[type=module]').src.replace('app.js', 'text.js'))
      return all.map((one) => ago(1e12 - one * 1000, 1e12))
    }, seconds)
    assert.deepEqual(said, told[language])
    await done()
  }
})

test('one that does not answer says so, and what to do', async () => {
  const { page, done } = await desk.visit('nl')
  await deploy(page, 'gone-quiet')
  await ready(page)
  await page.click('#back')
  await desk.world.rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name: 'gone-quiet' })
  await until(page, '#workspaces li.unhealthy[data-name=gone-quiet]')
  assert.ok((await said(page, '[data-name=gone-quiet]')).includes(text('nl', 'page.state.unhealthy')))
  await page.click('[data-name=gone-quiet] a')
  await page.waitForSelector('.notice.warn')
  assert.equal(await said(page, '.notice.warn'), text('nl', 'watch.stack_silent'))
  assert.equal(await page.isVisible('#act-restart'), true)
  await done()
})

for (const language of LANGUAGES) {
  test(`${language}: files that were kept are listed for their owner; another workspace of the name protects itself`, async () => {
    const name = `kept-${language}`
    const { page, done } = await desk.visit(language)
    await deploy(page, name)
    await ready(page)
    await page.click('#delete-open')
    assert.equal(await said(page, '#delete-what'), text(language, 'page.delete.what'))
    await page.fill('#delete-name', name)
    await page.click('#delete-go')
    await page.waitForSelector('#job.deleted #again')
    await page.click('#again')
    await page.waitForSelector(`[data-kept=${name}] button`)
    const row = await said(page, `[data-kept=${name}]`)
    assert.match(row, new RegExp(`portal-ai-workspace-${name}`), 'the volume')
    assert.ok(row.includes(text(language, 'page.kept.since', { time: '' }).trim()))
    await page.click(`[data-kept=${name}] button`)
    assert.equal(await said(page, '#delete-title'), text(language, 'page.kept.ask', { name }))
    assert.equal(await page.isVisible('#delete-tick'), false, 'there is nothing to choose')
    await page.fill('#delete-name', 'another')
    await page.click('#delete-go')
    assert.equal(await said(page, '#delete-problem'), text(language, 'page.delete.mismatch', { name }))
    await page.click('#delete-keep')
    await deploy(page, name)
    await ready(page)
    await page.click('#back')
    await page.waitForSelector(`[data-kept=${name}] .note`)
    assert.equal(await page.locator(`[data-kept=${name}] button`).count(), 0)
    assert.equal(await said(page, `[data-kept=${name}] .note`), text(language, 'page.kept.held'))
    await done()
  })
}

for (const language of LANGUAGES) {
  test(`${language}: they go when their workspace's name is typed, and are off the list`, async () => {
    const name = `purged-${language}`
    const { page, done } = await desk.visit(language)
    await deploy(page, name)
    await ready(page)
    await page.click('#delete-open')
    await page.fill('#delete-name', name)
    await page.click('#delete-go')
    await page.waitForSelector('#job.deleted #again')
    assert.ok(JSON.stringify((await desk.world.rehearsal.state()).volumes).includes(name), 'they are there')
    await page.click('#again')
    await page.click(`[data-kept=${name}] button`)
    await page.keyboard.type(name)
    await page.keyboard.press('Enter')
    await page.waitForSelector('#job.deleted #again')
    assert.equal(await title(page), text(language, 'page.job.purged', { name }))
    assert.ok((await said(page, '#outcome')).includes(text(language, 'page.deleted.gone')))
    assert.ok(!JSON.stringify((await desk.world.rehearsal.state()).volumes).includes(name), 'they are not there any more')
    await page.reload()
    await page.waitForSelector('#job.deleted #again')
    assert.equal(await title(page), text(language, 'page.job.purged', { name }))
    await page.click('#again')
    await page.waitForSelector('#form')
    assert.equal(await page.locator(`[data-kept=${name}]`).count(), 0)
    await done()
  })
}

test('nobody else sees them', async () => {
  const { page, done } = await desk.visit('en')
  await deploy(page, 'not-related')
  await ready(page)
  await page.click('#back')
  await page.waitForSelector('[data-name=not-related]')
  assert.equal(await page.isVisible('#kept'), false)
  await done()
})
