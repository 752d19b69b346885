// Every state that the page can be in, and the way into it; for the contact sheet and for the look at accessibility.
//   for (const [name, state] of Object.entries(states)) await inEach(desk, state, LANGUAGES, tag, async ({ page, language }) => { ... })
import assert from 'node:assert/strict'
import { startPortal } from '../http/harness.mjs'
import { adminStates } from './admin_states.mjs'
import { deploy, ended, hastyRoot, openDesk, password, ready, seconds, text } from './browser.mjs'

// A tree with two templates to choose from.
function treeWithChoice() {
  const copy = hastyRoot()
  copy.edit('scripts/policy/templates.lua', (text) =>
    text.replace(/\n\}\n$/, '\n  { id = "large", memory_bytes = 4 << 30 },\n}\n'))
  for (const [code, title, about] of [['en', 'Large workspace', 'The same, with room for big projects.'],
    ['nl', 'Grote werkplek', 'Hetzelfde, met ruimte voor grote projecten.'], ['ar', 'مساحة عمل كبيرة', 'مثلها، مع متسع للمشاريع الكبيرة.']]) {
    copy.edit(`locales/${code}.json`, (text) =>
      text.replace('{', `{\n  "template.large.title": ${JSON.stringify(title)},\n  "template.large.about": ${JSON.stringify(about)},`))
  }
  return copy.root
}

// One place only, so that there is a queue; stacks are looked at all the time. Beside it, a portal that offers a choice, one that asks for an
// invite and one that is closed.
export async function openStage() {
  const copy = hastyRoot()
  copy.edit('config.lua', (text) => text.replace('running_deployments = 8', 'running_deployments = 1'))
  for (const [name, round] of [['round', 60], ['usage_round', 600]]) {
    copy.edit('scripts/lib/workspaces/monitor.lua', (text) => text.replace(`  ${name} = ${round}`, `  ${name} = 0.5`))
  }
  const desk = await openDesk({ root: copy.root })
  const { rehearsal } = desk.world
  const portals = { choice: await startPortal({ rehearsal, root: treeWithChoice() }) }
  for (const access of ['invite', 'closed']) portals[access] = await startPortal({ rehearsal, env: { ACCESS: access } })
  const close = async () => {
    for (const portal of Object.values(portals)) await portal.stop()
    await desk.close()
  }
  return { ...desk, copy, portals, close }
}

// Its deployment stands still until the state is left.
const slow = (desk, name) => desk.world.rehearsal.faults({ at: 'deploy', kind: 'hang', name, times: 0 })
const STANDING = '#step-list li.running[data-step=outcome]'
const LONGEST = 'the-longest-name-that-is-allowed'

async function standing({ desk, page, name }) {
  await slow(desk, name)
  await deploy(page, name)
  await page.waitForSelector(STANDING)
  await page.waitForSelector('#log:not([hidden])')
}

async function made({ page, name }) {
  await deploy(page, name)
  await ready(page)
}

// What the portal answers about an operation, or what `path` names, changed on its way.
async function changed(page, change, path = '**/api/status/*') {
  await page.route(path, async (route) => {
    if (!route.request().headers().accept.includes('json')) return route.abort()
    const answer = await route.fetch()
    const found = await answer.json()
    change(found)
    await route.fulfill({ response: answer, json: found })
  })
  await page.reload()
}

const quiet = { javaScriptEnabled: false }
const order = async ({ page, name }) => {
  await page.fill('#name', name)
  await page.click('#deploy')
  await page.waitForURL('**/deployment/*')
}

// Loads the page until it shows that.
async function until(page, selector) {
  while (!await page.waitForSelector(selector, { timeout: 1500 }).catch(() => undefined)) await page.reload()
}

async function removed({ page, name }) {
  await page.click('#delete-open')
  await page.fill('#delete-name', name)
  await page.click('#delete-go')
  await page.waitForSelector('#job.deleted #again')
}

const typed = (name, then) => async (stage) => {
  await stage.page.fill('#name', name ?? stage.name)
  await stage.page.waitForSelector(then)
}

// Each: enter(stage) leads into it, once; show(stage) is done in each language; from the form. `options` are for the visit. `seen`: of a state
// that stays as it is when the page is opened in another language, what is waited for then. The stage: { desk, page, context, name, language }.
export const states = {
  empty: { seen: '#check', enter: ({ page }) => page.waitForSelector('#check') },
  'a choice of templates': { seen: '.choice', options: { portal: 'choice' }, enter: ({ page }) => page.waitForSelector('.choice') },
  checking: {
    seen: '#name',
    enter: ({ page }) => page.route('**/api/check/*', () => {}),
    show: typed('my-workspace', '#name[aria-busy=true]'),
  },
  free: { seen: '#name', show: typed(undefined, '#check.good') },
  'free, the longest name': { seen: '#name', show: typed(LONGEST, '#check.good') },
  taken: {
    seen: '#name',
    enter: ({ desk, name }) => desk.world.portal.ready(name),
    show: typed(undefined, '#suggestions button'),
  },
  reserved: { seen: '#name', show: typed('admin', '#check.wrong') },
  unreachable: {
    seen: '#name',
    enter: ({ page }) => page.route('**/api/deploy', (route) => route.abort()),
    show: async (stage) => {
      await typed(undefined, '#check.good')(stage)
      await stage.page.click('#deploy')
      await stage.page.waitForSelector('#problem:not([hidden])')
      await stage.page.evaluate(() => sessionStorage.clear()) // else the attempt goes on when the page is loaded again
    },
  },
  queued: {
    seen: '#now:not(:empty)',
    enter: async ({ desk, page, name }) => {
      await slow(desk, `${name}-first`)
      const first = await desk.world.portal.deploy(`${name}-first`)
      await deploy(page, name)
      await page.waitForSelector('#now:not(:empty)')
      return () => desk.world.portal.cancel(first.json.deploymentId, { key: first.json.ownerKey })
    },
  },
  running: { seen: STANDING, enter: standing },
  'running, the longest name': { seen: STANDING, enter: (stage) => standing(Object.assign(stage, { name: LONGEST })) },
  'running, log open': {
    seen: STANDING,
    enter: async (stage) => {
      await stage.context.grantPermissions(['notifications'], { origin: stage.desk.world.portal.url })
      await standing(stage)
    },
    show: async ({ page }) => {
      await page.click('#log summary')
      if (await page.isVisible('#notify')) await page.click('#notify')
    },
  },
  'being cancelled': {
    enter: async (stage) => {
      await standing(stage) // from here a clean-up takes a while
      await stage.page.click('#cancel')
      await stage.page.waitForSelector('#cancel-note:not(:empty)')
    },
  },
  reconnecting: {
    enter: async (stage) => {
      await standing(stage)
      await stage.context.setOffline(true)
      await stage.page.waitForSelector('#lost:not([hidden])')
      return () => stage.context.setOffline(false)
    },
  },
  ready: { seen: '#password', enter: made },
  'ready, the longest name': { seen: '#password', enter: (stage) => made(Object.assign(stage, { name: LONGEST })) },
  'ready, all open': {
    seen: '#password',
    enter: made,
    show: async ({ page }) => {
      await page.click('#reveal')
      for (const summary of ['.keep summary', '#steps summary', '#log summary']) if (await page.isVisible(summary)) await page.click(summary)
      await page.click('#move')
      await page.waitForSelector('#move-link')
    },
  },
  'ready with a warning': {
    seen: '.notice.warn',
    enter: async (stage) => {
      await made(stage)
      await changed(stage.page, (found) => {
        found.result.warning = text(stage.language, 'warning.certificate')
      })
      await stage.page.waitForSelector('.notice.warn')
    },
  },
  'password not known': {
    seen: '.notice.warn',
    enter: async (stage) => {
      await made(stage)
      await changed(stage.page, (found) => {
        Object.assign(found, { password: undefined, passwordProblem: { detail: text(stage.language, 'password.dokploy_unreachable') } })
      }, `**/api/stack/${stage.name}`)
      await stage.page.waitForSelector('.notice.warn')
    },
  },
  failed: {
    seen: '#job.failed #again',
    enter: async ({ desk, page, name }) => {
      await desk.world.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
      await deploy(page, name)
      await ended(page, 'failed')
    },
    show: ({ page }) => page.click('.last-words summary'),
  },
  'failed with leftovers': {
    seen: '.leftovers',
    enter: async (stage) => {
      const { desk, page, name } = stage
      await desk.world.rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name, times: 0 })
      await deploy(page, name)
      await ended(page, 'failed')
      await changed(page, (found) => {
        const detail = text(stage.language, 'leftover.kind.project', { id: 'pr_8Qk2' })
        Object.assign(found.result, { rolledBack: false, leftovers: [{ kind: 'project', id: 'pr_8Qk2', detail }] })
      })
      await page.waitForSelector('.leftovers')
    },
  },
  cancelled: {
    seen: '#job.cancelled #again',
    enter: async (stage) => {
      await standing(stage)
      await stage.page.click('#cancel')
      await stage.desk.world.rehearsal.forgetFaults()
      await ended(stage.page, 'cancelled')
    },
  },
  stopped: {
    seen: '#job.stopped #act-start',
    enter: async (stage) => {
      await made(stage)
      await stage.page.click('#act-stop')
      await stage.page.waitForSelector('#job.stopped #act-start')
    },
  },
  'asking to delete': { seen: '#delete-open', enter: made, show: ({ page }) => page.click('#delete-open') },
  'asking for a new password': { seen: '#act-rotate', enter: made, show: ({ page }) => page.click('#act-rotate') },
  deleted: { seen: '#again', enter: async (stage) => { await made(stage); await removed(stage) } },
  'does not answer': {
    seen: '.notice.warn',
    enter: async (stage) => {
      const { desk, page, name } = stage
      await made(stage)
      await desk.world.rehearsal.faults({ at: 'stack', kind: 'status', status: 502, times: 0, name })
      await page.click('#back')
      await until(page, '#workspaces li.unhealthy')
      await page.click('.entry')
      await page.waitForSelector('.notice.warn')
    },
  },
  'kept files': {
    seen: '[data-kept] .note',
    enter: async ({ desk, page, name }) => {
      for (const kept of [`${name}-old`, name]) {
        await made({ page, name: kept })
        await removed({ page, name: kept })
        await page.click('#again')
      }
      await made({ page, name })
      await desk.world.rehearsal.stack(name, '/L3dvcmtzcGFjZQ/session', { password: await password(page) })
      await page.click('#back')
      await until(page, 'time.used')
      await page.waitForSelector('[data-kept] .note')
    },
  },
  'asking to delete files': {
    seen: '[data-kept]',
    enter: async (stage) => {
      await made(stage)
      await removed(stage)
      await stage.page.click('#again')
    },
    show: ({ page }) => page.click('[data-kept] button'),
  },
  invite: { seen: '#invite', options: { portal: 'invite' }, enter: ({ page }) => page.waitForSelector('#invite') },
  'invite refused': {
    seen: '#invite',
    options: { portal: 'invite' },
    show: async (stage) => {
      await stage.page.fill('#invite', 'inv_abc')
      await typed(undefined, '#check.good')(stage)
      await stage.page.click('#deploy')
      await stage.page.waitForSelector('#problem:not([hidden])')
    },
  },
  closed: { seen: '.closed', options: { portal: 'closed' }, enter: ({ page }) => page.waitForSelector('.closed') },
  'my workspaces': {
    seen: '#job:not([hidden]) #back', // loaded anew, the page is where the work goes on
    enter: async ({ desk, page, name }) => {
      await made({ page, name })
      await page.click('#act-stop')
      await page.waitForSelector('#job.stopped #act-start')
      await page.click('#back')
      await made({ page, name: `${name}-2` })
      await page.click('#back')
      await standing({ desk, page, name: LONGEST })
      await page.click('#back')
      await page.waitForSelector('#workspaces li.running')
    },
    show: async ({ page }) => {
      if (await page.isVisible('#back')) await page.click('#back')
      await page.waitForSelector('#workspaces li.running')
      await page.click('#key-entry summary')
    },
  },
  'not known': { seen: '#job:not([hidden]) #outcome p', options: { path: '/deployment/nothing-here' }, enter: ({ page }) => page.waitForSelector('#outcome p') },
  'without JavaScript: form': { seen: '#form', options: quiet, enter: ({ page }) => page.waitForSelector('#form') },
  'without JavaScript: running': { seen: 'progress', options: quiet, enter: async (stage) => { await slow(stage.desk, stage.name); await order(stage) } },
  'without JavaScript: workspace': {
    seen: '.bare dl',
    options: quiet,
    enter: async (stage) => {
      await order(stage)
      const { page, name } = stage
      await page.waitForSelector(`.bare a[href="/stack/${name}"]`, { timeout: seconds(40) })
      await page.goto(`${stage.desk.world.portal.url}/stack/${name}?show=password`)
    },
    show: async ({ page }) => { for (const summary of await page.locator('.bare details summary').all()) await summary.click() },
  },
  'without JavaScript: standing still': {
    seen: 'progress',
    options: quiet,
    enter: async (stage) => {
      await slow(stage.desk, stage.name)
      await order(stage)
      await stage.page.click('.bare a[href$="?still=1"]')
    },
  },
  'without JavaScript: kept files': {
    seen: '.deletion',
    options: quiet,
    enter: async (stage) => {
      const { desk, page, name } = stage
      await order(stage)
      await page.waitForSelector(`.bare a[href="/stack/${name}"]`, { timeout: seconds(40) })
      await page.goto(`${desk.world.portal.url}/stack/${name}`)
      await page.click('.deletion summary')
      await page.fill('.deletion input[required]', name)
      await page.click('.deletion button')
      await page.waitForSelector('.bare a[href="/"]', { timeout: seconds(40) })
      await page.goto(desk.world.portal.url)
      await order({ page, name: `${name}-2` })
      await page.waitForSelector(`.bare a[href="/stack/${name}-2"]`, { timeout: seconds(40) })
      await page.goto(`${desk.world.portal.url}/stacks`)
    },
    show: ({ page }) => page.click('.deletion summary'),
  },
  'without JavaScript: failed': {
    seen: '.notice.bad',
    options: quiet,
    enter: async (stage) => {
      await stage.desk.world.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: stage.name, times: 0 })
      await order(stage)
      await stage.page.waitForSelector('.bare .notice.bad', { timeout: seconds(40) })
    },
  },
  'without JavaScript: refused': {
    options: quiet,
    enter: async ({ page }) => {
      await page.fill('#name', 'a--b')
      await page.click('#deploy')
      await page.waitForSelector('main.bare h1')
    },
  },
  'a link to take workspaces along': {
    seen: '.bare button',
    enter: async (stage) => {
      await made(stage)
      await stage.page.click('#move')
      await stage.page.goto(await stage.page.textContent('#move-link'))
    },
  },
  ...adminStates,
}

// Brings a browser of its own into the state, has it looked at in each of these languages, look({ page, language, ... }), and ends what runs
// there. What stays as it is in another language is entered once.
export async function inEach(desk, state, languages, tag, look) {
  const visits = state.seen ? [languages] : languages.map((language) => [language])
  for (const [number, [first, ...others]] of visits.entries()) {
    const { stage, leave } = await enter(desk, state, first, `sample-${tag}${number || ''}`)
    await look(stage)
    for (const language of others) {
      stage.language = language
      await open(stage.page, language)
      await stage.page.waitForSelector(state.seen)
      assert.equal(await stage.page.getAttribute('html', 'lang'), language)
      await state.show?.(stage)
      await look(stage)
    }
    await leave()
  }
}

// The same page, in another language.
async function open(page, language) {
  const url = new URL(page.url())
  url.searchParams.set('lang', language)
  await page.goto(url.href)
}

async function enter(desk, state, language, name) {
  const { portal, ...options } = state.options ?? {}
  const { page, context } = await desk.visit(language, { ...options, ...(portal ? { origin: desk.portals[portal].url } : {}) })
  const stage = { desk, page, context, name, language }
  const after = await state.enter?.(stage)
  await state.show?.(stage)
  return {
    stage,
    async leave() {
      if (typeof after === 'function') await after()
      await context.setOffline(false)
      await desk.world.rehearsal.forgetFaults()
      const key = (await context.cookies()).find((cookie) => /owner$/.test(cookie.name))?.value
      if (key) await clear(desk, key)
      await context.close()
    },
  }
}

// Takes away what the state's owner has, so that the next one finds the place free.
async function clear(desk, key) {
  const { json } = await desk.world.portal.api('/api/stacks', { key })
  for (const { name } of json.stacks) {
    const { json: begun } = await desk.world.portal.remove(name, { key })
    await desk.world.portal.follow(begun.statusUrl)
  }
}
