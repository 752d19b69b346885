// Every state of the visitors' page, for the accessibility checks and the contact sheet. A scene is
// an async generator that leads a page through related states and yields the name of each.
//   await play(fixture, 'ready', scenes.ready, 'nl', async (state, page, stage) => { ... })
// A stage: { fixture, page, context, language, origin, name }.
import { PATIENCE, copyTree, queueLimits } from '../http/harness.mjs'
import {
  NO_SCRIPT, deploy, deployPlainly, ended, go, password, ready, reloadUntil, remove, seconds,
  startBrowser, text,
} from './browser_fixture.mjs'

// A tree with two templates to choose from.
export function treeWithTemplates() {
  const fields = [
    'id = "size", kind = "choice", choices = { "small", "large" }', 'id = "shared", kind = "flag"',
    'id = "seats", kind = "number"', 'id = "model_key", kind = "secret", variable = "MODEL_KEY"',
  ].map((field) => `{ ${field} }`).join(', ')
  const large = `{ id = "large", memory = "4 GiB", parameters = { ${fields} } },`
  const texts = {
    en: ['Large workspace', 'The same, with room for big projects.'],
    nl: ['Grote werkruimte', 'Hetzelfde, met ruimte voor grote projecten.'],
    ar: ['مساحة عمل كبيرة', 'مثلها، مع متسع للمشاريع الكبيرة.'],
  }
  const edits = {
    'scripts/policy/templates.lua': (lua) => lua.replace(/\n\}\n$/, `\n  ${large}\n}\n`),
  }
  for (const [code, [title, about]] of Object.entries(texts)) {
    const more = { 'template.large.title': title, 'template.large.about': about }
    edits[`locales/${code}.json`] = (json) => JSON.stringify({ ...JSON.parse(json), ...more })
  }
  return copyTree(edits).root
}

// One deployment at a time, so that there is a queue; and portals with a choice of templates, with
// invites, and a closed one.
export async function startStage() {
  // As fast as deployments that are held reach no deadline while they are looked at.
  const env = { TIME_SCALE: String(30 / PATIENCE) }
  const fixture = await startBrowser({ edits: queueLimits(1), env })
  fixture.portals = {
    choice: await fixture.addPortal({ root: treeWithTemplates() }),
    invite: await fixture.addPortal({ env: { ACCESS: 'invite' } }),
    closed: await fixture.addPortal({ env: { ACCESS: 'closed' } }),
  }
  return fixture
}

const LONGEST = 'the-longest-name-that-is-allowed'

const hang = ({ fixture }, name) => fixture.rehearsal.hold('deploy', name)
const goto = ({ page, origin }, path) => page.goto(origin + path)

// Deploys, and stays where the container starts.
async function standing(stage, name = stage.name) {
  await hang(stage, name)
  await deploy(stage.page, name)
  await stage.page.waitForSelector('li.running[data-step=outcome]')
  await stage.page.waitForSelector('#log:not([hidden])')
}

async function cancel({ page, fixture }) {
  await page.click('#cancel')
  await fixture.rehearsal.forgetFaults()
  await ended(page, 'cancelled')
}

async function created({ page }, name) {
  await deploy(page, name)
  await ready(page)
}

async function typed({ page }, name, selector) {
  await page.fill('#name', name)
  await page.waitForSelector(selector)
}

const openAll = async (page, selector) => {
  for (const summary of await page.locator(selector).all()) {
    if (await summary.isVisible()) await summary.click()
  }
}

// Adds a notice to what the server sends.
async function withNotice({ page }, words) {
  await page.route('**/deployment/*', async (route) => {
    const answer = await route.fetch()
    const notice = `<div id="outcome"><div class="notice warn">${words}</div>`
    const body = (await answer.text()).replace('<div id="outcome">', notice)
    await route.fulfill({ response: answer, body })
  })
  await page.reload()
  await page.waitForSelector('.notice.warn')
}

export const scenes = {
  async* form(stage) {
    const { page, fixture, name } = stage
    await page.waitForSelector('#check')
    yield 'empty'
    await page.click('#key-entry summary')
    yield 'entering a key'
    await page.click('#key-entry summary')
    await typed(stage, 'admin', '#check.wrong')
    yield 'reserved'
    await typed(stage, LONGEST, '#check.good')
    yield 'free, the longest name'
    await fixture.portal.ready(name)
    await typed(stage, name, '#suggestions button')
    yield 'taken'
    await page.route('**/api/deploy', (route) => route.abort())
    await typed(stage, `${name}-2`, '#check.good')
    await page.click('#deploy')
    await page.waitForSelector('#problem:not([hidden])')
    yield 'unreachable'
    await page.route('**/api/check/*', () => {})
    await typed(stage, 'my-workspace', '#name[aria-busy=true]')
    yield 'checking'
  },

  async* queue(stage) {
    const { page, fixture, name } = stage
    await hang(stage, `${name}-first`)
    const { json } = await fixture.portal.deploy(`${name}-first`)
    await deploy(page, name)
    await page.waitForSelector('#now:not(:empty)')
    await page.waitForTimeout(700) // the text appears after that time
    yield 'queued'
    await fixture.rehearsal.forgetFaults()
    await fixture.portal.cancel(json.deploymentId, { key: json.ownerKey })
    await ready(page)
  },

  async* running(stage) {
    const { page, context, fixture } = stage
    await context.grantPermissions(['notifications'], { origin: fixture.portal.url })
    await standing(stage)
    yield 'running'
    await page.click('#log summary')
    await page.click('#notify')
    yield 'running, log open'
    await context.setOffline(true)
    await page.waitForSelector('#lost:not([hidden])')
    yield 'reconnecting'
    await context.setOffline(false)
    await page.waitForSelector('#lost', { state: 'hidden' })
    const slow = { at: 'application.delete', kind: 'latency', ms: 3000, times: 0 }
    await fixture.rehearsal.faults(slow)
    await page.click('#cancel')
    await page.waitForSelector('.undoing')
    yield 'being cancelled'
    await fixture.rehearsal.forgetFaults()
    await ended(page, 'cancelled')
    yield 'cancelled'
  },

  async* longest(stage) {
    const { page, fixture } = stage
    await standing(stage, LONGEST)
    yield 'running, the longest name'
    await fixture.rehearsal.forgetFaults()
    await ready(page)
    yield 'ready, the longest name'
    await go(page, '#back')
    await page.waitForSelector('#workspaces li.ready')
    yield 'listed, the longest name'
    await page.click('.entry')
    await page.waitForSelector('#delete-open')
    await remove(page, LONGEST)
  },

  async* ready(stage) {
    const { page, fixture, name, language } = stage
    await created(stage, name)
    yield 'ready'
    await password(page)
    await openAll(page, '.keep summary, #steps summary, #log summary')
    await page.click('#move')
    await page.waitForSelector('.moved .qr')
    yield 'ready, all open'
    await page.click('#delete-open')
    yield 'asking to delete'
    await page.click('#delete [data-close]')
    await page.click('#rotate-open')
    yield 'asking for a new password'
    const refused = { at: 'application.one', kind: 'status', status: 401, times: 0 }
    await page.reload()
    await fixture.rehearsal.faults(refused)
    await page.click('#reveal')
    await page.waitForSelector('.value .wrong:not(:empty)')
    yield 'password not known'
    await fixture.rehearsal.forgetFaults()
    await withNotice(stage, text(language, 'warning.certificate'))
    yield 'ready with a warning'
    await page.unroute('**/deployment/*')
    await page.reload()
    await page.click('#act-stop')
    await page.waitForSelector('#job.stopped #act-start')
    yield 'stopped'
    await go(page, '#back')
    await created(stage, `${name}-2`)
    await go(page, '#back')
    await standing(stage, `${name}-3`)
    await go(page, '#back')
    await page.waitForSelector('#workspaces li.running')
    yield 'my workspaces'
    await page.click('#workspaces li.running a')
    await page.waitForSelector('#cancel')
    await cancel(stage)
    await go(page, '#back')
    await page.waitForSelector('#workspaces')
    await go(page, `[data-name=${name}-2] a`)
    await page.waitForSelector('#delete-open')
    await remove(page, `${name}-2`)
    yield 'deleted'
    await go(page, '#again')
    await page.waitForSelector('[data-kept] summary')
    yield 'kept files'
    await openAll(page, '[data-kept] summary')
    yield 'asking to delete files, or to start again with them'
    await created(stage, `${name}-2`)
    await go(page, '#back')
    const fault = { at: 'stack', kind: 'status', status: 502, times: 0, name: `${name}-2` }
    await fixture.rehearsal.faults(fault)
    await reloadUntil(page, '#workspaces li.unhealthy')
    await page.click('li.unhealthy .entry')
    await page.waitForSelector('.notice.warn')
    yield 'does not answer'
    await fixture.rehearsal.forgetFaults()
    await page.click('#move')
    await page.waitForSelector('#move-link:not(:empty)')
    await page.goto(await page.textContent('#move-link'))
    await page.waitForSelector('.bare button')
    yield 'a link to another device'
  },

  async* failed(stage) {
    const { page, fixture, name } = stage
    await fixture.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
    await deploy(page, name)
    await ended(page, 'failed')
    await page.click('.last-words summary')
    yield 'failed'
    await fixture.rehearsal.faults([
      { at: 'deploy', kind: 'deploy_error', name: `${name}-2`, times: 0 },
      { at: 'application.delete', kind: 'status', status: 500, times: 0 },
    ])
    await go(page, '#back')
    await deploy(page, `${name}-2`)
    await ended(page, 'failed')
    await page.waitForSelector('.leftovers')
    yield 'failed with leftovers'
    await fixture.rehearsal.forgetFaults()
  },

  async* unknown(stage) {
    await goto(stage, '/deployment/nothing-here')
    yield 'unknown operation'
    await goto(stage, '/stack/nothing-here')
    yield 'unknown workspace'
  },

  async* choice({ page }) {
    await page.waitForSelector('.choice')
    yield 'a choice of templates'
    await page.click('.choice:has([value=large]) strong')
    await page.waitForSelector('.parameter:visible')
    yield 'the fields of a template'
  },

  async* invite(stage) {
    const { page, name } = stage
    await page.waitForSelector('#invite')
    yield 'invite'
    await page.fill('#invite', 'inv_abc')
    await typed(stage, name, '#check.good')
    await page.click('#deploy')
    await page.waitForSelector('#problem:not([hidden])')
    yield 'invite refused'
  },

  async* closed({ page }) {
    await page.waitForSelector('.closed')
    yield 'closed'
  },

  async* plain(stage) {
    const { page, fixture, name } = stage
    await page.waitForSelector('#form')
    yield 'without JavaScript: form'
    await page.fill('#name', 'a--b')
    await page.click('#deploy')
    await page.waitForSelector('main.bare h1')
    yield 'without JavaScript: refused'
    await goto(stage, '/')
    await hang(stage, name)
    await deployPlainly(page, name)
    yield 'without JavaScript: running'
    await go(page, 'noscript a[href$="?still=1"]')
    await page.waitForSelector('noscript .button')
    yield 'without JavaScript: not refreshing'
    await fixture.rehearsal.forgetFaults()
    await go(page, 'noscript a[href^="/deployment/"]:not([href*=still])')
    await page.waitForSelector('#job.ready', { timeout: seconds(40) })
    await go(page, '#reveal')
    await openAll(page, '.question summary')
    yield 'without JavaScript: workspace'
    await page.fill('#delete input[required]', name)
    await page.click('#delete .danger')
    await page.waitForSelector('#job.deleted', { timeout: seconds(40) })
    await goto(stage, '/stacks')
    await openAll(page, '[data-kept] summary')
    yield 'without JavaScript: kept files'
    await fixture.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
    await goto(stage, '/')
    await deployPlainly(page, name)
    await page.waitForSelector('#job.failed', { timeout: seconds(40) })
    yield 'without JavaScript: failed'
  },
}

// What a scene needs beside the usual portal and browser.
const needs = {
  choice: { portal: 'choice' }, invite: { portal: 'invite' }, closed: { portal: 'closed' },
  plain: { options: NO_SCRIPT }, unknown: { options: { expected: [/404/] } },
}

let plays = 0

// Plays a scene in a fresh profile, and calls look(state, page, stage) in each of its states.
export async function play(fixture, id, scene, language, look) {
  const { portal, options } = needs[id] ?? scene.needs ?? {}
  const origin = (portal ? fixture.portals[portal] : fixture.portal).url
  const { page, context } = await fixture.visit(language, { origin, ...options })
  const hasScript = options?.javaScriptEnabled !== false
  const name = `sample-${++plays}`
  const stage = { fixture, page, context, language, origin, name, hasScript }
  try {
    for await (const state of scene(stage)) await look(state, page, stage)
  } finally {
    await fixture.rehearsal.forgetFaults()
    await context.close()
  }
}
