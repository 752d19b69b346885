// The visitor's workspaces: what is said of each, and of the files that are left of deleted ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LANGUAGES, content, deploy, ended, go, password, ready, reloadUntil, remove, text, title,
  unmarked, useBrowser,
} from './browser_fixture.mjs'

// The fast portal soon asks its workspaces whether they answer, and when they were used.
let fast
const fixture = useBrowser({}, async (started) => {
  fast = await started.addPortal({ env: { TIME_SCALE: '40' } })
})

test('since when a workspace exists, and when it was last used', async () => {
  const visits = []
  for (const language of LANGUAGES) {
    const name = `in-use-${language}`
    const visit = await fixture.visit(language, { origin: fast.url })
    await deploy(visit.page, name)
    await ready(visit.page)
    assert.equal(await visit.page.getByText(text(language, 'page.used', { time: '' })).count(), 0)
    const secret = await password(visit.page)
    await fixture.rehearsal.stack(name, '/L3dvcmtzcGFjZQ/session', { password: secret })
    await go(visit.page, '#back')
    visits.push({ language, name, ...visit })
  }
  for (const { language, name, page, done } of visits) {
    await reloadUntil(page, `[data-name=${name}] .used`)
    const used = new RegExp(`^${text(language, 'page.used', { time: '(.+)' })}$`)
    assert.match(await content(page, `[data-name=${name}] .used`), used)
    const times = await page.$$eval(`[data-name=${name}] time`, (all) =>
      all.map((time) => Date.parse(time.dateTime)))
    assert.equal(times.length, 2)
    for (const at of times) assert.ok(Math.abs(Date.now() - at) < 120_000)
    await go(page, `[data-name=${name}] a`)
    await page.waitForSelector('#password')
    const words = text(language, 'page.used', { time: '' }).trim()
    assert.ok((await content(page, '#outcome')).includes(words))
    await done()
  }
})

test('a past time is written as people say it', async () => {
  const expected = {
    en: ['now', '1 minute ago', '3 hours ago', 'yesterday', '29 days ago', 'last month',
      'last year'],
    nl: ['nu', '1 minuut geleden', '3 uur geleden', 'gisteren', '29 dagen geleden', 'vorige maand',
      'vorig jaar'],
    ar: ['الآن', 'قبل دقيقة واحدة', 'قبل 3 ساعات', 'أمس', 'قبل 29 يومًا', 'الشهر الماضي',
      'السنة الماضية'],
  }
  const day = 86400
  const spans = [59, 60, 3 * 3600 + 3599, day, 29.9 * day, 31 * day, 366 * day]
  for (const language of LANGUAGES) {
    const { page, done } = await fixture.visit(language)
    const written = await page.evaluate(async (all) => {
      const script = document.querySelector('script[type=module]').src
      const { ago } = await import(script.replace('home.js', 'text.js'))
      return all.map((seconds) => ago(1e12 - seconds * 1000, 1e12))
    }, spans)
    assert.deepEqual(written, expected[language])
    await done()
  }
})

test('a workspace that does not answer says so, and what to do', async () => {
  const name = 'gone-quiet'
  const { page, done } = await fixture.visit('nl', { origin: fast.url })
  await deploy(page, name)
  await ready(page)
  await go(page, '#back')
  await fixture.rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name })
  await reloadUntil(page, `#workspaces li.unhealthy[data-name=${name}]`)
  const item = await content(page, `[data-name=${name}]`)
  assert.ok(item.includes(text('nl', 'page.state.unhealthy')))
  await go(page, `[data-name=${name}] a`)
  await page.waitForSelector('.notice.warn')
  assert.equal(await content(page, '.notice.warn'), text('nl', 'watch.stack_silent'))
  assert.equal(await page.isVisible('#act-restart'), true)
  await done()
})

for (const language of LANGUAGES) {
  test(`${language}: kept files are listed, used again, deleted`, async () => {
    const name = `kept-${language}`
    const files = `[data-kept=${name}]`
    const volumes = async () => (await fixture.rehearsal.volumes()).join()
    const { page, done } = await fixture.visit(language)
    await deploy(page, name)
    await ready(page)
    await page.click('#delete-open')
    assert.ok((await content(page, '#delete')).includes(text(language, 'page.delete.what')))
    await page.fill('#delete input[required]', name)
    await page.click('#delete .danger')
    await ended(page, 'deleted')
    await go(page, '#again')
    const row = await content(page, files)
    assert.match(row, new RegExp(`portal-ai-workspace-${name}`), 'the volume')
    assert.ok(row.includes(text(language, 'page.kept.since', { time: '' }).trim()))
    const purge = `${files} [id^=purge-]`
    await page.click(`${purge} summary`)
    const question = text(language, 'page.kept.title', { name })
    assert.equal(await content(page, `${purge} h2`), question)
    assert.equal(await page.locator(`${purge} [type=checkbox]`).count(), 0, 'nothing to choose')
    await page.fill(`${purge} input[required]`, 'another')
    await page.click(`${purge} .danger`)
    const mismatch = text(language, 'page.delete.mismatch', { name })
    assert.equal(await content(page, `${purge} .wrong`), mismatch)
    await page.click(`${purge} [data-close]`)
    const restore = `${files} [id^=restore-]`
    await page.click(`${restore} summary`)
    assert.equal(await page.inputValue(`${restore} [name=name]`), name)
    await page.click(`${restore} .primary`)
    await ready(page)
    assert.equal(await title(page), text(language, 'page.job.ready', { name }))
    await remove(page, name)
    await go(page, '#again')
    await page.click(`${purge} summary`)
    await page.waitForSelector(`${purge} input:focus`)
    await page.keyboard.type(name)
    await page.keyboard.press('Enter')
    for (const reload of [false, true]) {
      if (reload) await page.reload()
      await ended(page, 'deleted')
      assert.equal(await title(page), text(language, 'page.job.purged', { name }))
    }
    assert.ok((await content(page, '#outcome')).includes(text(language, 'page.deleted.gone')))
    assert.ok(!(await volumes()).includes(name), 'they are gone')
    await go(page, '#again')
    assert.equal(await page.locator(files).count(), 0)
    await done()
  })
}

test('nobody else sees them', async () => {
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'not-related')
  await ready(page)
  await go(page, '#back')
  await page.waitForSelector('[data-name=not-related]')
  assert.equal(await page.isVisible('#kept'), false)
  assert.equal(unmarked(await page.textContent('main')).includes('kept-en'), false)
  await done()
})
