// The states of the admin's page, for tests/browser/states.mjs.
import { ADMIN, startPortal, until } from '../http/harness.mjs'

const login = { path: '/admin/login' }
const as = { key: ADMIN }

export async function logIn(page, token = ADMIN) {
  await page.fill('#token', token)
  await page.click('.login button')
  await page.waitForSelector('.sections')
}

// Something of everything, made once for a desk: workspaces that run and that do not, work that ended well and badly, an invite, a token,
// a workspace that went missing in Dokploy. It stays.
const furnished = new WeakMap()
export const furnish = (desk) => furnished.get(desk) ?? furnished.set(desk, furniture(desk)).get(desk)

async function furniture({ world: { portal, rehearsal } }) {
  for (const name of ['atelier', 'bakery-with-a-long-name', 'cellar']) await portal.ready(name)
  await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'missing-image', times: 0 })
  await portal.deployed('missing-image')
  const stop = await portal.api('/api/stack/cellar/stop', { method: 'POST', ...as })
  await portal.follow(stop.json.statusUrl)
  await portal.api('/api/invites', { method: 'POST', ...as, json: { label: 'Workshop', uses: 20, expiresIn: 604800 } })
  await portal.api('/api/tokens', { method: 'POST', ...as, json: { label: 'ci', scopes: 'create read' } })
  const { json } = await portal.api('/api/tokens', { method: 'POST', ...as, json: { label: 'old', scopes: 'admin' } })
  await portal.api(`/api/tokens/${json.id}`, { method: 'DELETE', ...as })
  await vanish({ portal, rehearsal }, 'bakery-with-a-long-name')
}

// Takes a workspace away behind the portal's back, and has the portal look.
async function vanish({ portal, rehearsal }, name) {
  const change = (procedure, body) => rehearsal.api(`/api/${procedure}`, { method: 'POST', json: body, headers: { 'x-api-key': 'tests' } })
  const { applications, projects } = await rehearsal.state()
  await change('application.delete', { applicationId: applications.find((it) => it.name === name).applicationId })
  await change('project.remove', { projectId: projects.find((it) => it.name === name).projectId })
  await until(async () => {
    await portal.api('/api/admin/findings/look', { method: 'POST', ...as })
    return (await portal.api('/api/admin/findings', as)).json.open > 0
  }, 'it is found missing')
}

// A section, as it is when somebody opens it; more(stage) happens once, show(stage) in each language.
const section = (path, { more, show } = {}) => ({
  seen: '#live', options: login, show,
  enter: async (stage) => {
    await furnish(stage.desk)
    await logIn(stage.page)
    await stage.page.goto(stage.desk.world.portal.url + path)
    return more?.(stage)
  },
})

const details = ({ page }) => page.click('#live td details summary')

const pickTwo = async ({ page }) => { for (const name of ['atelier', 'cellar']) await page.check(`[name="pick.${name}"]`) }

async function litter({ desk: { world: { portal, rehearsal } }, page, name }) {
  await rehearsal.faults([{ at: 'deploy', kind: 'deploy_error', name, times: 0 }, { at: 'application.delete', kind: 'status', status: 500, times: 0 }])
  const { answer } = await portal.deployed(name)
  await page.waitForSelector('#live [id^=left-]')
  return async () => {
    await rehearsal.forgetFaults()
    await portal.api(`/api/admin/leftovers/${answer.json.deploymentId}/try`, { method: 'POST', ...as })
  }
}

async function wait({ desk: { world: { portal, rehearsal } }, page, name }) {
  await rehearsal.faults({ at: 'deploy', kind: 'hang', name, times: 0 })
  const made = [await portal.deploy(name), await portal.deploy(`${name}-2`), await portal.deploy(`${name}-3`)]
  await page.waitForSelector(`#op-${made[2].json.deploymentId}`)
  return async () => {
    for (const { json } of made.reverse()) await portal.cancel(json.deploymentId, as)
    await rehearsal.forgetFaults()
    for (const { json } of made) await portal.follow(json.statusUrl)
  }
}

async function spoil({ desk: { world: { portal }, copy }, page }) {
  const path = 'scripts/policy/names.lua', good = copy.read(path)
  portal.expect(/scripts\.rejected/)
  copy.write(path, `${good}\nthis is no Lua`)
  await page.waitForSelector('#live .notice.bad')
  return async () => {
    copy.write(path, good)
    await until(async () => !(await portal.api('/api/admin/summary', as)).json.policy.rejected, 'the good policy is in force')
  }
}

async function shut({ desk: { world: { rehearsal } }, page, language }) {
  const portal = await startPortal({ rehearsal, env: { ADMIN_TOKEN: '' } })
  await page.goto(`${portal.url}/admin/login?lang=${language}`)
  return () => portal.stop()
}

export const adminStates = {
  'admin: log in': { seen: '#token', options: login, enter: ({ page }) => page.waitForSelector('#token') },
  'admin: wrong token': {
    seen: '#token',
    options: login,
    show: async ({ page }) => {
      await page.fill('#token', 'not this one')
      await page.click('.login button')
      await page.waitForSelector('.notice.bad')
    },
  },
  'admin: closed': { options: login, enter: shut },
  'admin: overview': section('/admin'),
  'admin: rejected edit': section('/admin', { more: spoil }),
  'admin: workspaces': section('/admin/stacks'),
  'admin: workspaces picked': section('/admin/stacks', { show: pickTwo }),
  'admin: nothing found': section('/admin/stacks?search=nowhere'),
  'admin: one workspace': section('/admin/stacks/atelier'),
  'admin: asking to delete several': section('/admin/stacks/act?act=delete&pick.atelier=on&pick.cellar=on'),
  'admin: what came of it': section('/admin/stacks/act?act=start&pick.atelier=on&pick.cellar=on&pick.nobody=on', { more: async ({ page }) => {
    await page.click('.ask .primary')
    await page.waitForSelector('#live table')
  } }),
  'admin: operations': section('/admin/operations?limit=12', { show: details }),
  'admin: queue': section('/admin/queue', { more: wait }),
  'admin: leftovers': section('/admin/leftovers', { more: litter }),
  'admin: findings': section('/admin/findings'),
  'admin: audit': section('/admin/audit?limit=12', { show: details }),
  'admin: access': section('/admin/access?limit=2', { show: async ({ page }) => { for (const summary of await page.$$('.new summary')) await summary.click() } }),
  'admin: new token': {
    ...section('/admin/access', { show: async ({ page }) => {
      await page.click('.new:nth-of-type(2) summary')
      await page.fill('#token-label', 'laptop')
      await page.click('form[action="/admin/access/tokens"] button')
      await page.waitForSelector('#secret')
    } }), seen: undefined,
  },
  'admin: without JavaScript': { ...section('/admin/stacks'), options: { ...login, javaScriptEnabled: false } },
}
