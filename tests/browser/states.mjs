// Every state that the page can be in, and the way into it; for the contact sheet and for the look at accessibility.
//   for (const [name, state] of Object.entries(states)) { const { page, leave } = await enter(desk, state, language, 'en-1') ... await leave() }
import { copyRoot, startPortal } from '../http/harness.mjs'
import { adminStates } from './admin_states.mjs'
import { deploy, ended, openDesk, password, ready, seconds, text } from './browser.mjs'

// One place only, so that there is a queue; two templates to choose from; stacks are looked at all the time. Beside it, a portal that asks
// for an invite and one that is closed.
export async function openStage() {
  const copy = copyRoot()
  copy.edit('config.lua', (text) => text.replace('running_deployments = 8', 'running_deployments = 1'))
  copy.edit('scripts/policy/templates.lua', (text) =>
    text.replace(/\n\}\n\n--- The template/, '\n  { id = "large", memory_bytes = 4 * 2 ^ 30 // 1 },\n}\n\n--- The template'))
  for (const [code, title, about] of [['en', 'Large workspace', 'The same, with room for big projects.'],
    ['nl', 'Grote werkplek', 'Hetzelfde, met ruimte voor grote projecten.'], ['ar', 'مساحة عمل كبيرة', 'مثلها، مع متسع للمشاريع الكبيرة.']]) {
    copy.edit(`locales/${code}.json`, (text) =>
      text.replace('{', `{\n  "template.large.title": ${JSON.stringify(title)},\n  "template.large.about": ${JSON.stringify(about)},`))
  }
  for (const [file, round] of [['watcher', 60], ['usage', 600]]) {
    copy.edit(`scripts/lib/watch/${file}.lua`, (text) => text.replace(`round = ${round}`, 'round = 0.5'))
  }
  const desk = await openDesk({ root: copy.root })
  const portals = {}
  for (const access of ['invite', 'closed']) portals[access] = await startPortal({ rehearsal: desk.world.rehearsal, env: { ACCESS: access } })
  const close = async () => {
    for (const portal of Object.values(portals)) await portal.stop()
    await desk.close()
  }
  return { ...desk, copy, portals, close }
}

const slow = (desk, name, ms = 9000) => desk.world.rehearsal.faults({ at: 'deploy', kind: 'hang', ms, name, times: 0 })
const busy = (page) => page.waitForSelector('#step-list li.running')
const settled = (page) => page.waitForFunction(() => document.querySelector('#elapsed').textContent !== '')

async function made({ page, name }) {
  await deploy(page, name)
  await ready(page)
}

// What the portal answers about an operation, changed on its way.
async function changed(page, change) {
  await page.route('**/api/status/*', async (route) => {
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

// Each: enter({ desk, page, name, context, language }), from the form; `options` for the visit; `seen` of a state that another language
// finds as it is.
export const states = {
  empty: { enter: ({ page }) => page.waitForSelector('#check') },
  checking: {
    enter: async ({ page }) => {
      await page.route('**/api/check/*', () => {})
      await page.fill('#name', 'my-workspace')
    },
  },
  free: { enter: async ({ page, name }) => { await page.fill('#name', name); await page.waitForSelector('#check.good') } },
  taken: {
    enter: async ({ desk, page, name }) => {
      await desk.world.portal.ready(name)
      await page.fill('#name', name)
      await page.waitForSelector('#suggestions button')
    },
  },
  reserved: { enter: async ({ page }) => { await page.fill('#name', 'admin'); await page.waitForSelector('#check.wrong') } },
  unreachable: {
    enter: async ({ page, name }) => {
      await page.route('**/api/deploy', (route) => route.abort())
      await page.fill('#name', name)
      await page.waitForSelector('#check.good')
      await page.click('#deploy')
      await page.waitForSelector('#problem:not([hidden])')
    },
  },
  queued: {
    enter: async ({ desk, page, name }) => {
      await slow(desk, `${name}-first`)
      const first = await desk.world.portal.deploy(`${name}-first`)
      await deploy(page, name)
      await page.waitForFunction(() => document.querySelector('#now').textContent !== '')
      return () => desk.world.portal.cancel(first.json.deploymentId, { key: first.json.ownerKey })
    },
  },
  running: { enter: async ({ desk, page, name }) => { await slow(desk, name); await deploy(page, name); await busy(page); await settled(page) } },
  'running, log open': {
    enter: async ({ desk, page, context, name }) => {
      await context.grantPermissions(['notifications'], { origin: desk.world.portal.url })
      await slow(desk, name)
      await deploy(page, name)
      await page.waitForSelector('#log:not([hidden])')
      await page.click('#log summary')
      if (await page.isVisible('#notify')) await page.click('#notify')
    },
  },
  'being cancelled': {
    enter: async ({ desk, page, name }) => {
      await slow(desk, name)
      await deploy(page, name)
      await page.waitForSelector('li.running[data-step=outcome]') // from here a clean-up takes a while
      await page.click('#cancel')
      await page.waitForSelector('#cancel-note:not(:empty)')
    },
  },
  reconnecting: {
    enter: async ({ desk, page, name, context }) => {
      await slow(desk, name)
      await deploy(page, name)
      await busy(page)
      await context.setOffline(true)
      await page.waitForSelector('#lost:not([hidden])')
      return () => context.setOffline(false)
    },
  },
  ready: { seen: '#password', enter: made },
  'ready, all open': {
    enter: async ({ page, name }) => {
      await made({ page, name })
      await page.click('#reveal')
      await page.click('.keep summary')
      await page.click('#move')
      await page.waitForSelector('#move-link')
      await page.click('#steps summary')
      await page.click('#log summary')
    },
  },
  'ready with a warning': { seen: '.notice.warn',
    enter: async ({ page, name, language }) => {
      await made({ page, name })
      await changed(page, (found) => {
        found.result.warning = text(language, 'warning.certificate')
      })
      await page.waitForSelector('.notice.warn')
    },
  },
  'password not known': { seen: '.notice.warn',
    enter: async ({ desk, page, name }) => {
      await made({ page, name })
      await desk.world.rehearsal.faults({ at: 'application.one', kind: 'status', status: 500, times: 0 })
      await page.reload()
      await page.waitForSelector('.notice.warn')
    },
  },
  failed: { seen: '#job.failed #again',
    enter: async ({ desk, page, name }) => {
      await desk.world.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
      await deploy(page, name)
      await ended(page, 'failed')
    },
  },
  'failed with leftovers': { seen: '.leftovers',
    enter: async ({ desk, page, name, language }) => {
      const left = { kind: 'project', id: 'pr_8Qk2', detail: text(language, 'leftover.kind.project', { id: 'pr_8Qk2' }) }
      await desk.world.rehearsal.faults({ at: 'deploy', kind: 'deploy_error', name, times: 0 })
      await deploy(page, name)
      await ended(page, 'failed')
      await changed(page, (found) => {
        Object.assign(found.result, { rolledBack: false, leftovers: [left] })
      })
      await page.waitForSelector('.leftovers')
    },
  },
  cancelled: { seen: '#again',
    enter: async ({ desk, page, name }) => {
      await slow(desk, name)
      await deploy(page, name)
      await busy(page)
      await page.click('#cancel')
      await ended(page, 'cancelled')
    },
  },
  stopped: { seen: '#act-start', enter: async (stage) => { await made(stage); await stage.page.click('#act-stop'); await stage.page.waitForSelector('#job.stopped #act-start') } },
  'asking to delete': { enter: async (stage) => { await made(stage); await stage.page.click('#delete-open') } },
  'asking for a new password': { enter: async (stage) => { await made(stage); await stage.page.click('#act-rotate') } },
  deleted: { seen: '#again',
    enter: async (stage) => {
      await made(stage)
      await removed(stage)
    },
  },
  'does not answer': { seen: '.notice.warn',
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
  'kept files': { seen: '[data-kept]',
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
    enter: async (stage) => {
      await made(stage)
      await removed(stage)
      await stage.page.click('#again')
      await stage.page.click('[data-kept] button')
    },
  },
  invite: { seen: '#invite', options: { portal: 'invite' }, enter: ({ page }) => page.waitForSelector('#invite') },
  'invite refused': { options: { portal: 'invite' },
    enter: async ({ page, name }) => {
      await page.fill('#invite', 'inv_abc')
      await page.fill('#name', name)
      await page.waitForSelector('#check.good')
      await page.click('#deploy')
      await page.waitForSelector('#problem:not([hidden])')
    },
  },
  closed: { seen: '.closed', options: { portal: 'closed' }, enter: ({ page }) => page.waitForSelector('.closed') },
  'my workspaces': {
    enter: async ({ desk, page, name }) => {
      await made({ page, name })
      await page.click('#act-stop')
      await page.waitForSelector('#job.stopped #act-start')
      await page.click('#back')
      await made({ page, name: `${name}-2` })
      await page.click('#back')
      await slow(desk, `${name}-3`)
      await deploy(page, `${name}-3`)
      await page.click('#back')
      await page.waitForSelector('#workspaces li.running')
      await page.click('#key-entry summary')
    },
  },
  'not known': { seen: '#outcome p', options: { path: '/deployment/nothing-here' }, enter: ({ page }) => page.waitForSelector('#outcome p') },
  'without JavaScript: form': { seen: '#form', options: quiet, enter: ({ page }) => page.waitForSelector('#form') },
  'without JavaScript: running': { options: quiet, enter: async (stage) => { await slow(stage.desk, stage.name); await order(stage) } },
  'without JavaScript: workspace': { seen: '.bare dl',
    options: quiet,
    enter: async (stage) => {
      await order(stage)
      const { page, name } = stage
      await page.waitForSelector(`.bare a[href="/stack/${name}"]`, { timeout: seconds(40) })
      await page.goto(`${stage.desk.world.portal.url}/stack/${name}?show=password`)
      for (const summary of await page.locator('.bare details summary').all()) await summary.click()
    },
  },
  'without JavaScript: standing still': { options: quiet,
    enter: async (stage) => {
      await slow(stage.desk, stage.name)
      await order(stage)
      await stage.page.click('.bare a[href$="?still=1"]')
    },
  },
  'without JavaScript: kept files': { seen: '.deletion',
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
      await page.click('.deletion summary')
    },
  },
  'without JavaScript: failed': { seen: '.notice.bad', options: quiet,
    enter: async (stage) => {
      await stage.desk.world.rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: stage.name, times: 0 })
      await order(stage)
      await stage.page.waitForSelector('.bare .notice.bad', { timeout: seconds(40) })
    },
  },
  'a link to take workspaces along': {
    enter: async (stage) => {
      await made(stage)
      await stage.page.click('#move')
      await stage.page.goto(await stage.page.textContent('#move-link'))
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
  ...adminStates,
}

// Brings a browser of its own into the state; leave() ends what runs there.
export async function enter(desk, state, language, tag) {
  const { portal, ...options } = state.options ?? {}
  const { page, context } = await desk.visit(language, { ...options, ...(portal ? { origin: desk.portals[portal].url } : {}) })
  const name = `sample-${tag}`
  const after = await state.enter({ desk, page, context, name, language })
  return {
    page,
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
