// Every state that the page can be in, and the way into it; for the contact sheet and for the look at accessibility.
//   for (const [name, state] of Object.entries(states)) { const { page, leave } = await enter(desk, state, language, 'en-1') ... await leave() }
import { copyRoot } from '../http/harness.mjs'
import { deploy, ended, openDesk, ready, seconds, text } from './browser.mjs'

// One place only, so that there is a queue; and two templates to choose from.
export function openStage() {
  const copy = copyRoot()
  copy.edit('config.lua', (text) => text.replace('running_deployments = 8', 'running_deployments = 1'))
  copy.edit('scripts/policy/templates.lua', (text) =>
    text.replace(/\n\}\n\n--- The template/, '\n  { id = "large", memory_bytes = 4 * 2 ^ 30 // 1 },\n}\n\n--- The template'))
  for (const [code, title, about] of [['en', 'Large workspace', 'The same, with room for big projects.'],
    ['nl', 'Grote werkplek', 'Hetzelfde, met ruimte voor grote projecten.'], ['ar', 'مساحة عمل كبيرة', 'مثلها، مع متسع للمشاريع الكبيرة.']]) {
    copy.edit(`locales/${code}.json`, (text) =>
      text.replace('{', `{\n  "template.large.title": ${JSON.stringify(title)},\n  "template.large.about": ${JSON.stringify(about)},`))
  }
  return openDesk({ root: copy.root })
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
      await stage.page.click('#delete-open')
      await stage.page.fill('#delete-name', stage.name)
      await stage.page.click('#delete-go')
      await stage.page.waitForSelector('#job.deleted #again')
    },
  },
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
  'without JavaScript: refused': {
    options: quiet,
    enter: async ({ page }) => {
      await page.fill('#name', 'a--b')
      await page.click('#deploy')
      await page.waitForSelector('main.bare h1')
    },
  },
}

// Brings a browser of its own into the state; leave() ends what runs there.
export async function enter(desk, state, language, tag) {
  const { page, context } = await desk.visit(language, state.options)
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
