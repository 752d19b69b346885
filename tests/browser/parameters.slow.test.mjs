// What a template asks for: its fields are there when it is chosen, and what does not fit is said
// beside the form, at the field.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { siteOf } from '../http/site.mjs'
import { LANGUAGES, content, deploy, ready, useBrowser } from './browser_fixture.mjs'

const templates = `return {
  { id = "project",
    title = { en = "From a repository", nl = "Uit een repository", ar = "من مستودع" },
    parameters = {
      { id = "repository", required = true, pattern = "^https://", variable = "GIT_URL",
        title = { en = "Git repository", nl = "Git-repository", ar = "مستودع Git" },
        help = { en = "It is cloned.", nl = "Die wordt gekloond.", ar = "سيُستنسخ." } },
      { id = "size", kind = "choice", choices = { "small", "large" }, default = "small",
        title = { en = "Size", nl = "Grootte", ar = "الحجم" } },
      { id = "seats", kind = "number", min = 1, max = 9, variable = "SEATS",
        title = { en = "Seats", nl = "Plaatsen", ar = "المقاعد" } },
      { id = "shared", kind = "flag", variable = "SHARED",
        title = { en = "Shared", nl = "Gedeeld", ar = "مشترك" } },
      { id = "model_key", kind = "secret", variable = "MODEL_KEY",
        title = { en = "Model key", nl = "Modelsleutel", ar = "مفتاح النموذج" } },
    } },
}
`
const fixture = useBrowser({ env: siteOf({ 'policy/templates.lua': templates }).env })
const field = (id) => `[name="parameters.project.${id}"]`
const title = { en: 'Git repository', nl: 'Git-repository', ar: 'مستودع Git' }

async function environmentOf(name) {
  const [{ thing }] = (await fixture.rehearsal.holds(name))
    .filter(({ kind }) => kind === 'applications')
  const { applicationId } = thing
  return (await fixture.rehearsal.dokploy('application.one', { applicationId })).env
}

test('fields belong to their template and are in the language of the page', async () => {
  for (const language of LANGUAGES) {
    const { page, done } = await fixture.visit(language)
    assert.equal(await page.isVisible(field('repository')), false)
    await page.click('.choice:has([value=project]) strong')
    assert.equal(await page.isVisible(field('repository')), true)
    assert.ok((await content(page, '.parameters')).includes(title[language]))
    if (process.env.PICTURES) {
      await page.screenshot({ path: `${process.env.PICTURES}/${language}.png`, fullPage: true })
    }
    await done()
  }
})

test('a value that does not fit is said at its field; the right ones go with the deployment',
  async () => {
    const expected = [/422/]
    const { page, done } = await fixture.visit('en', { expected })
    await page.click('.choice:has([value=project]) strong')
    await page.fill('#name', 'with-fields')
    await page.fill(field('repository'), 'git://old')
    await page.waitForSelector('#check.good')
    await page.click('#deploy')
    await page.waitForSelector('#problem:not([hidden])')
    assert.match(await content(page, '#problem'),
      /“Git repository” does not have the expected form\. It is cloned\./)
    assert.equal(await page.evaluate(() => document.activeElement.name),
      'parameters.project.repository')
    assert.equal(await page.getAttribute(field('repository'), 'aria-invalid'), 'true')
    await page.fill(field('repository'), 'https://git.example.com/x')
    await page.selectOption(field('size'), 'large')
    await page.fill(field('seats'), '3')
    await page.check(field('shared'))
    await page.fill(field('model_key'), 'sk-1')
    await page.click('#deploy')
    await ready(page)
    const environment = await environmentOf('with-fields')
    for (const line of ["GIT_URL='https://git.example.com/x'", "SEATS='3'", "SHARED='true'",
      "MODEL_KEY='sk-1'"]) assert.ok(environment.includes(line), environment)
    await done()
  })

test('the other template asks for nothing', async () => {
  const { page, done } = await fixture.visit('en')
  await deploy(page, 'without-fields')
  await ready(page)
  assert.doesNotMatch(await environmentOf('without-fields'), /GIT_URL|SEATS/)
  await done()
})
