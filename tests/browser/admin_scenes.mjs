// The states of the administration, as scenes.mjs has those of the visitors' page.
import { ADMIN, until } from '../http/harness.mjs'
import { NO_SCRIPT } from './browser_fixture.mjs'

const as = { key: ADMIN }

export async function logIn(page, token = ADMIN) {
  await page.fill('#token', token)
  await page.click('.login button')
  await page.waitForSelector('.sections')
}

// Something of everything, once for a fixture: workspaces that run and that do not, operations that
// ended well and badly, an invite, tokens, a workspace that went missing in Dokploy.
const furnished = new WeakMap()

export function furnish(fixture) {
  if (!furnished.has(fixture)) furnished.set(fixture, createSamples(fixture))
  return furnished.get(fixture)
}

async function createSamples({ portal, rehearsal }) {
  for (const name of ['atelier', 'bakery-with-a-long-name', 'cellar']) await portal.ready(name)
  const name = 'missing-image'
  await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name, times: 0 })
  await portal.deployed(name)
  const post = (path, json) => portal.api(path, { method: 'POST', ...as, json })
  const stop = await post('/api/stack/cellar/stop')
  await portal.follow(stop.json.statusUrl)
  await post('/api/invites', { label: 'Workshop', uses: 20, expiresIn: 604800 })
  await post('/api/tokens', { label: 'ci', scopes: 'create read' })
  const { json } = await post('/api/tokens', { label: 'old', scopes: 'admin' })
  await portal.api(`/api/tokens/${json.id}`, { method: 'DELETE', ...as })
  await vanish({ portal, rehearsal }, 'bakery-with-a-long-name')
}

// Removes a workspace behind the portal's back, and lets the portal find out.
async function vanish({ portal, rehearsal }, name) {
  const change = (procedure, json) => rehearsal.api(`/api/${procedure}`,
    { method: 'POST', json, headers: { 'x-api-key': 'tests' } })
  const { applications, projects } = await rehearsal.state()
  const { applicationId } = applications.find((one) => one.name === name)
  const { projectId } = projects.find((one) => one.name === name)
  await change('application.delete', { applicationId })
  await change('project.remove', { projectId })
  await until(async () => {
    await portal.api('/api/admin/findings/look', { method: 'POST', ...as })
    return (await portal.api('/api/admin/findings', as)).json.open > 0
  }, 'the portal notices that it is missing')
}

async function* sections(stage, names) {
  for (const [path, state] of Object.entries(names)) {
    await stage.page.goto(stage.origin + path)
    yield state
  }
}

const openDetails = ({ page }) => page.click('#live td details summary')

export const adminScenes = {
  async* login({ page, fixture, origin }) {
    await page.goto(`${origin}/admin/login`)
    yield 'admin: log in'
    await page.fill('#token', 'not this one')
    await page.click('.login button')
    await page.waitForSelector('.notice.bad')
    yield 'admin: wrong token'
    const closed = await fixture.addPortal({ env: { ADMIN_TOKEN: '' } })
    await page.goto(`${closed.url}/admin/login`)
    yield 'admin: closed'
  },

  async* sections(stage) {
    const { page, origin, fixture: { portal, tree } } = stage
    await enter(stage)
    yield* sections(stage, { '/admin': 'admin: overview', '/admin/stacks': 'admin: workspaces' })
    for (const name of ['atelier', 'cellar']) await page.check(`[name="pick.${name}"]`)
    yield 'admin: workspaces selected'
    const several = 'pick.atelier=on&pick.cellar=on'
    yield* sections(stage, {
      '/admin/stacks?search=nowhere': 'admin: nothing found',
      '/admin/stacks/atelier': 'admin: one workspace',
      '/admin/findings': 'admin: drift',
      [`/admin/stacks/act?act=delete&${several}`]: 'admin: asking to delete several',
    })
    await page.goto(`${origin}/admin/stacks/act?act=start&${several}&pick.nobody=on`)
    await page.click('.ask .primary')
    await page.waitForSelector('#live table')
    yield 'admin: results'
    for (const section of ['operations', 'audit']) {
      await page.goto(`${origin}/admin/${section}?limit=12`)
      await openDetails(stage)
      yield `admin: ${section}`
    }
    await page.goto(`${origin}/admin/scripts`)
    for (const summary of await page.$$('.new summary')) await summary.click()
    yield 'admin: scripts'
    await page.goto(`${origin}/admin/scripts/file?file=policy/access.lua`)
    await page.click('.new summary')
    yield 'admin: a script and what is shipped'
    await page.fill('#text', 'return {')
    await page.click('button[value=check]')
    await page.waitForSelector('.notice.bad')
    yield 'admin: a script with a mistake'
    await page.fill('#text', 'return {}')
    await page.click('button[value=try]')
    await page.waitForSelector('#live .part')
    yield 'admin: what a script would change'
    await page.goto(`${origin}/admin/access?limit=2`)
    for (const summary of await page.$$('.new summary')) await summary.click()
    yield 'admin: access'
    await page.fill('#token-label', 'laptop')
    await page.click('form[action="/admin/access/tokens"] button')
    await page.waitForSelector('#secret')
    yield 'admin: new token'
    const path = 'scripts/policy/names.lua', good = tree.read(path)
    portal.expect(/scripts\.rejected/)
    await page.goto(`${origin}/admin`)
    tree.write(path, `${good}\nthis is no Lua`)
    await page.waitForSelector('#live .notice.bad')
    yield 'admin: rejected edit'
    tree.write(path, good)
    const rejected = async () => (await portal.api('/api/admin/summary', as)).json.policy.rejected
    await until(async () => !await rejected(), 'the good policy is in force')
  },

  async* queue(stage) {
    const { page, origin, name, fixture: { portal, rehearsal } } = stage
    await enter(stage)
    await page.goto(`${origin}/admin/queue`)
    await rehearsal.faults({ at: 'deploy', kind: 'hang', name, times: 0 })
    const operations = []
    for (const one of [name, `${name}-2`, `${name}-3`]) {
      operations.push((await portal.deploy(one)).json)
    }
    await page.waitForSelector(`#op-${operations[2].deploymentId}`)
    yield 'admin: queue'
    for (const { deploymentId } of operations.toReversed()) await portal.cancel(deploymentId, as)
    await rehearsal.forgetFaults()
    for (const { statusUrl } of operations) await portal.follow(statusUrl)
  },

  async* leftovers(stage) {
    const { page, origin, name, fixture: { portal, rehearsal } } = stage
    await enter(stage)
    await rehearsal.faults([
      { at: 'deploy', kind: 'deploy_error', name, times: 0 },
      { at: 'application.delete', kind: 'status', status: 500, times: 0 },
    ])
    await page.goto(`${origin}/admin/leftovers`)
    await portal.deployed(name)
    await page.waitForSelector('#live [id^=left-]')
    yield 'admin: leftovers'
  },

  async* plain(stage) {
    await enter(stage)
    yield* sections(stage, { '/admin/stacks': 'admin: without JavaScript' })
  },
}
adminScenes.plain.needs = { options: NO_SCRIPT }

async function enter({ fixture, page, origin }) {
  await furnish(fixture)
  await page.goto(`${origin}/admin/login`)
  await logIn(page)
}
