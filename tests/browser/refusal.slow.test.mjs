// A rule of an installation refuses with a code and a text of its own: the visitor reads it on the
// page, in their language, and stays there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { siteOf } from '../http/site.mjs'
import {
  LANGUAGES, NO_SCRIPT, content, deploy, ready, text, useBrowser,
} from './browser_fixture.mjs'

const says = { en: 'We open at nine.', nl: 'We openen om negen uur.', ar: 'نفتح في التاسعة.' }
const table = Object.entries(says).map(([code, said]) => `${code} = "${said}"`).join(', ')
const access = `return { rules = {
  { name = "opening_hours", before = "mode", decide = function(_, action, what)
    if action ~= "deploy" or what.name == "open-name" then return nil end
    if what.name == "bare-code" then return false, "invite_of_mine" end
    return false, { code = "too_early", retry_after = 60, text = { ${table} } }
  end },
} }
`
const names = `return {
  check = function(name)
    if not name:find "^team" then return true end
    return false, { code = "team_name", text = { ${table} } }
  end,
}
`
const site = siteOf({ 'policy/access.lua': access, 'policy/names.lua': names })
const fixture = useBrowser({ env: site.env })
const expected = [/403/]

async function refused(page, name) {
  await page.fill('#name', name)
  await page.waitForSelector('#check.good')
  await page.click('#deploy')
  await page.waitForSelector('#problem:not([hidden])')
  assert.equal(new URL(page.url()).pathname, '/')
  return content(page, '#problem')
}

test('its text is on the page, in the language of the visitor', async () => {
  for (const language of LANGUAGES) {
    const { page, done } = await fixture.visit(language, { expected })
    assert.ok((await refused(page, 'early-bird')).includes(says[language]))
    await done()
  }
})

test('a code without a text is named, and another name is still possible', async () => {
  const { page, done } = await fixture.visit('nl', { expected })
  const shown = await refused(page, 'bare-code')
  assert.ok(shown.includes(text('nl', 'problem.own.detail', { code: 'invite_of_mine' })), shown)
  await deploy(page, 'open-name')
  await ready(page)
  await done()
})

test('a name that a check refuses is refused while it is typed', async () => {
  const { page, done } = await fixture.visit('nl')
  await page.fill('#name', 'team-blue')
  await page.waitForSelector('#check.wrong')
  assert.ok((await content(page, '#check')).includes(says.nl))
  await done()
})

test('without JavaScript the answer is a page that says so', async () => {
  const { page, done } = await fixture.visit('ar', { ...NO_SCRIPT, expected })
  await page.fill('#name', 'early-bird')
  await page.click('#deploy')
  await page.waitForSelector('h1')
  assert.ok((await content(page, 'main')).includes(says.ar))
  await done()
})
