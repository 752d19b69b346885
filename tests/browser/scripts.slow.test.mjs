// The admin page "Scripts": a file is added, checked, tried, put into force and taken back, without
// JavaScript; what is typed outlives a mistake and somebody else's change; what goes wrong while
// scripts run is listed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ADMIN, until } from '../http/harness.mjs'
import { siteOf } from '../http/site.mjs'
import { logIn } from './admin_scenes.mjs'
import { LANGUAGES, NO_SCRIPT, content, go, text, useBrowser } from './browser_fixture.mjs'

const NAMES = 'policy/names.lua', PAGE = '/admin/scripts'
let portal
const fixture = useBrowser({ env: siteOf().env }, (started) => { portal = started.portal })

async function open(language, path = PAGE, options = {}) {
  const login = `/admin/login?next=${encodeURIComponent(path)}`
  const visit = await fixture.visit(language, { path: login, ...options })
  await logIn(visit.page)
  return visit
}
const press = (page, act) => go(page, `button[value=${act}]`)
const says = async (page, key, values) => {
  const words = text('en', `admin.scripts.${key}`, values)
  assert.ok((await content(page, '#main')).includes(words), key)
}
const inForce = async () => (await portal.api('/api/admin/site', { key: ADMIN })).json
const put = (files) =>
  portal.api('/api/admin/site', { method: 'PUT', key: ADMIN, json: { files } })
const reserving = (...words) => `return { words = { "${words.join('", "')}" } }\n`

test('without JavaScript: an example, a mistake, a trial, into force, back, deleted', async () => {
  const { page, done } = await open('en', PAGE, { ...NO_SCRIPT, expected: [/4(12|22)/] })
  await says(page, 'none')
  await page.click('details.new > summary')
  await go(page, `a[href$="policy%2Fnames.lua"]`)
  assert.match(await page.inputValue('#text'), /prefixes = \{ "project-" \}/)
  await press(page, 'check')
  await says(page, 'good')
  await page.fill('#text', 'return { words = { "<zebra>" }')
  await press(page, 'activate')
  await says(page, 'mistakes')
  assert.match(await content(page, '.problems'), /site\/policy\/names\.lua:2 .*expected/)
  assert.equal(await page.inputValue('#text'), 'return { words = { "<zebra>" }\n')
  assert.equal((await inForce()).number, 0)
  await portal.ready('zebra')
  await page.fill('#text', reserving('zebra'))
  await press(page, 'try')
  assert.match(await content(page, '#live table'), /zebra\s*allowed.*name_reserved/)
  await page.fill('#note', 'no zebras')
  await press(page, 'activate')
  await says(page, 'done', { number: 1 })
  assert.equal((await portal.check('zebra')).json.code, 'name_reserved')
  const { files, source, note } = await inForce()
  assert.deepEqual([files, source, note], [{ [NAMES]: reserving('zebra') }, 'page', 'no zebras'])
  await go(page, '.files a')
  await press(page, 'delete')
  await says(page, 'no_files')
  await go(page, '#version-1 a')
  assert.match(await content(page, 'pre.source'), /\+return \{ words = \{ "zebra" \} \}/)
  await go(page, '#live .primary')
  await says(page, 'done', { number: 3 })
  assert.deepEqual((await inForce()).files, { [NAMES]: reserving('zebra') })
  await done()
})

test('a lost update is refused, shows the difference, and keeps the text', async () => {
  await put({ [NAMES]: reserving('zebra') })
  const { page, done } = await open('en', `${PAGE}/file?file=${NAMES}`, { expected: [/412/] })
  await page.fill('#text', reserving('zebra', 'yak'))
  const { json } = await put({ [NAMES]: reserving('gnu') })
  await press(page, 'activate')
  await says(page, 'changed', { number: json.number })
  assert.match(await content(page, '.notice pre'), /-.*"gnu".*\n\+.*"zebra", "yak"/)
  assert.deepEqual((await inForce()).files, { [NAMES]: reserving('gnu') })
  await press(page, 'activate')
  assert.deepEqual((await inForce()).files, { [NAMES]: reserving('zebra', 'yak') })
  await done()
})

test('mistakes while running and events that were not delivered are listed, live', async () => {
  const { page, done } = await open('en')
  const hook = 'return { on = { "ready" }, run = function() error("on purpose") end }\n'
  await put({ 'hooks/own.lua': hook })
  await portal.ready('yak')
  await page.waitForSelector('[id^=event-]')
  assert.match(await content(page, '#live'), /site\/hooks\/own\.lua:1.*on purpose/)
  await put({ 'hooks/own.lua': hook.replace('error("on purpose")', '') })
  await go(page, '[id^=event-] form button')
  await until(async () => (await portal.api('/api/admin/outbox', { key: ADMIN }))
    .json.entries.length === 0, 'it is delivered')
  await page.waitForFunction(() => !document.querySelector('[id^=event-]'))
  await done()
})

test('every example is good, each page fits a narrow screen in each language', async () => {
  await put({})
  const { page, done } = await open('en')
  const links = await page.$$eval('details.new:first-of-type .files a', (all) =>
    all.map((a) => a.getAttribute('href')))
  assert.ok(links.length >= 12)
  const files = {}
  for (const link of links) {
    await page.goto(portal.url + link)
    files[new URL(portal.url + link).searchParams.get('file')] = await page.inputValue('#text')
  }
  assert.equal((await put(files)).status, 200)
  await done()
  for (const language of LANGUAGES) {
    const visit = await open(language, PAGE, { viewport: { width: 320, height: 600 } })
    const edit = `${PAGE}/file?file=policy/access.lua`
    const shipped = `${PAGE}/shipped?file=policy/names.lua`
    for (const path of [PAGE, edit, `${PAGE}/versions/1`, shipped]) {
      await visit.page.goto(portal.url + path)
      const isTooWide = () => document.documentElement.scrollWidth > innerWidth
      assert.equal(await visit.page.evaluate(isTooWide), false, `${language} ${path}`)
    }
    await visit.page.goto(portal.url + edit)
    const direction = (box) => getComputedStyle(box).direction
    assert.equal(await visit.page.$eval('#text', direction), 'ltr')
    await visit.done()
  }
})
