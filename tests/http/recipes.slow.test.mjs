// The recipes of docs/scripting.md: each is put into a site folder as it is in docs/recipes, and
// does what its page says.
import { after, describe, test } from 'node:test'
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import assert from 'node:assert/strict'
import { ADMIN, LANGUAGES, top, until, useWorld } from './harness.mjs'
import { HOURS, settableClock, skip } from './clock.mjs'
import { Receiver, WEBHOOK_SECRET } from './receiver.mjs'
import { siteOf } from './site.mjs'

const folder = join(top, 'docs/recipes')
const recipe = (name) => Object.fromEntries(
  readdirSync(join(folder, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .map((path) => [path.slice(join(folder, name).length + 1), readFileSync(path, 'utf8')]))

const clock = settableClock()
const site = siteOf()
// Reloads come only when a whole recipe is there.
const edits = { 'config.lua': (text) => text.replace('watch = nil', 'watch = false') }
const { portal, rehearsal } = useWorld({
  env: { ...clock.env, ...site.env, WEBHOOK_SECRET, TRUSTED_PROXIES: '127.0.0.1/32' }, speed: 200,
  edits,
})

// Puts the recipe into force instead of the one before. `edit`: addresses of the test's servers;
// `more`: files that an installation has beside it.
async function use(name, { edit = (text) => text, more = {} } = {}) {
  await portal.reload(() => {
    for (const entry of readdirSync(site.path)) rmSync(join(site.path, entry), { recursive: true })
    for (const [file, text] of Object.entries({ ...recipe(name), ...more })) {
      site.write(file, edit(text))
    }
  })
}
const withAccess = (mode) => ({ more: { 'config.lua': `return { access = "${mode}" }` } })

const admin = { key: ADMIN }
const person = (user, { groups = '', domain = 'example.com' } = {}) => ({ headers: {
  'remote-user': user, 'remote-name': `${user} Doe`, 'remote-email': `${user}@${domain}`,
  'remote-groups': groups,
} })
const page = async (path, language = 'en') =>
  (await portal.api(path, { language, headers: { accept: 'text/html' } })).text

async function applicationOf(name) {
  const { applications } = await rehearsal.state()
  const { applicationId } = applications.find((it) => it.name === name)
  return rehearsal.dokploy('application.one', { applicationId })
}
const variablesOf = async (name) => (await applicationOf(name)).env.split('\n')

async function refused(answer, status, code) {
  const { status: got, json } = await answer
  assert.deepEqual([got, json.code], [status, code], JSON.stringify(json))
  return json
}
const deployWith = (name, parameters) => portal.post('/api/deploy', { name, parameters })

// A server of the installation's own. answer(request) returns a status; `requests` has what came.
async function serverOf(answer) {
  const requests = []
  const server = http.createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const { method, url } = request
    requests.push({ method, url, body: Buffer.concat(chunks).toString() })
    const status = answer({ method, url })
    if (status === null) return request.destroy()
    response.writeHead(status).end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  after(() => server.close())
  return { requests, url: `http://127.0.0.1:${server.address().port}` }
}

describe('names', () => {
  test('prefixes', async () => {
    await use('prefixes')
    await refused(portal.deploy('project-x'), 422, 'name_reserved')
    assert.equal((await portal.check('exam-1')).json.code, 'name_reserved')
    assert.equal((await portal.check('my-project')).json.available, true)
  })

  test('a rule with a text in three languages', async () => {
    await use('name-rule')
    const texts = { en: /^Begin the name with/, nl: /^Begin de naam/, ar: /^ابدأ الاسم/ }
    for (const language of LANGUAGES) {
      const { detail } = await refused(portal.deploy('anna', { language }), 403, 'faculty_missing')
      assert.match(detail, texts[language])
    }
    assert.equal((await portal.check('anna')).json.code, 'faculty_missing')
    assert.equal((await portal.check('law-anna')).json.available, true)
  })
})

describe('templates and parameters', () => {
  test('a large template', async () => {
    await use('large-template')
    await portal.ready('big', { template: 'large' })
    const { memoryLimit, cpuLimit } = await applicationOf('big')
    assert.deepEqual([memoryLimit, cpuLimit], ['8589934592', '4000000000'])
    assert.match(await page('/', 'nl'), /<strong>Groot<\/strong>.*Voor builds en data\./s)
  })

  test('a cost centre', async () => {
    await use('cost-centre')
    for (const [given, code] of [[{}, 'field_missing'], [{ cost_centre: 'x' }, 'value_invalid']]) {
      const { field } = await refused(deployWith('payer', given), 422, code)
      assert.equal(field, 'parameters.cost_centre')
    }
    await portal.finish(await deployWith('payer', { cost_centre: 'AB1234' }), 'ready')
    assert.match(await page('/', 'nl'), /Kostenplaats/)
  })

  test('a Git repository to start from', async () => {
    await use('git-repository')
    const repository = 'https://git.example.com/course.git'
    await refused(deployWith('coder', { repository: 'file:///etc' }), 422, 'value_invalid')
    await portal.finish(await deployWith('coder', { repository }), 'ready')
    assert.ok((await variablesOf('coder')).includes(`STACK_REPOSITORY='${repository}'`))
    await portal.ready('no-repository')
  })

  test('a model key of one\'s own', async () => {
    await use('model-key')
    const key = 'sk-or-of-the-tests'
    await portal.finish(await deployWith('own-key', { model_key: key }), 'ready')
    assert.ok((await variablesOf('own-key')).includes(`OPENROUTER_API_KEY='${key}'`))
    assert.match(await page('/'), /<input [^>]*type="password"/)
    assert.ok(!portal.lines.some((line) => line.includes(key)))
  })
})

describe('who may', () => {
  test('quotas by group', async () => {
    await use('quotas-by-group', withAccess('forward-auth'))
    const student = person('stan', { groups: 'students' })
    const teacher = person('tess', { groups: 'staff,teachers' })
    await portal.ready('stan-1', student)
    await refused(portal.deploy('stan-2', student), 403, 'quota_owner')
    for (const name of ['tess-1', 'tess-2']) await portal.ready(name, teacher)
  })

  test('e-mail domains', async () => {
    await use('email-domains', withAccess('forward-auth'))
    const stranger = person('eve', { domain: 'elsewhere.org' })
    const { detail } = await refused(portal.deploy('eves', stranger), 403, 'other_domain')
    assert.equal(detail, 'Log in with your address at example.com.')
    await portal.ready('fred', person('fred', { domain: 'students.example.com' }))
  })

  test('approval by an admin', async () => {
    await use('approval', withAccess('forward-auth'))
    const large = (user) => portal.deploy(`${user}-large`, { template: 'large', ...person(user) })
    await refused(large('bob'), 403, 'approval_needed')
    await portal.finish(await large('anna'), 'ready')
    const edit = (text) => text.replace('["anna@', '["bob@example.com"] = true, ["anna@')
    await use('approval', { ...withAccess('forward-auth'), edit })
    await portal.finish(await large('bob'), 'ready')
  })

  test('an invite for each class', async () => {
    await use('invite-per-class', withAccess('invite'))
    const made = await portal.post('/api/invites', { label: 'art1', uses: 2 }, admin)
    const deploy = (name) => portal.post('/api/deploy', { name, invite: made.json.code })
    const { detail } = await refused(deploy('art2-kim'), 403, 'class_missing')
    assert.equal(detail, 'Begin the name with art1-, for your class.')
    await portal.finish(await deploy('art1-kim'), 'ready')
    await refused(portal.deploy('art1-lee'), 403, 'invite_needed')
  })
})

describe('pages and routes', () => {
  test('a message of the day', async () => {
    await use('message-of-the-day')
    const { json } = await portal.api('/api/motd?lang=nl')
    assert.equal(json.text, 'Vrijdagavond is het portaal een uur niet bereikbaar.')
    assert.match(await page('/'), />On Friday evening the portal is down for an hour\.</)
    const { paths } = (await portal.api('/api/openapi.json')).json
    assert.equal(paths['/api/motd'].get.summary, 'The message of the day')
  })

  test('German', async () => {
    await use('german')
    const text = await page('/', 'de')
    assert.match(text, /<html[^>]* lang="de"/)
    assert.match(text, /Dein eigener Arbeitsbereich/)
    assert.match(text, /Choose a name/, 'what is missing is English')
    assert.match(await page('/'), /hreflang="de"|lang="de"/)
  })

  test('a theme and a logo', async () => {
    await use('theme')
    const text = await page('/')
    const [, style] = text.match(/href="([^"]*site\/theme\.css[^"]*)"/)
    const [, logo] = text.match(/<img [^>]*src="([^"]*site\/logo\.svg[^"]*)"/)
    assert.match((await portal.api(style)).text, /--accent: #7a1fa2/)
    assert.equal((await portal.api(logo)).headers['content-type'].split(';')[0], 'image/svg+xml')
  })

  test('a report as CSV', async () => {
    await use('report-csv')
    const { key } = await portal.ready('counted')
    const { name } = (await portal.stack('counted', { key })).json
    assert.equal((await portal.api('/api/report.csv')).status, 401)
    const { status, text, headers } = await portal.api('/api/report.csv', admin)
    assert.deepEqual([status, headers['content-type']], [200, 'text/csv; charset=utf-8'])
    const [head, ...rows] = text.split('\r\n')
    assert.equal(head, '"name","state","owner","template","created"')
    const today = new Date().toISOString().slice(0, 10)
    const row = rows.find((it) => it.startsWith(`"${name}"`))
    assert.match(row, new RegExp(`^"counted","ready","[0-9a-f]+","default","${today}"$`))
  })
})

describe('steps', () => {
  test('variables for each user', async () => {
    await use('env-per-user', withAccess('forward-auth'))
    await portal.ready('gwen', person('gwen'))
    const lines = await variablesOf('gwen')
    assert.ok(lines.includes("GIT_AUTHOR_NAME='gwen Doe'"), lines.join())
    assert.ok(lines.includes("GIT_AUTHOR_EMAIL='gwen@example.com'"))
    assert.ok(lines.some((line) => line.startsWith('OPENCODE_SERVER_PASSWORD=')))
  })

  test('a file in each workspace', async () => {
    await use('file-mount')
    await rehearsal.faults({ at: 'mounts.create', kind: 'lost', times: 2 })
    await portal.ready('filer')
    const { mounts } = await applicationOf('filer')
    const files = mounts.filter(({ type }) => type === 'file')
    assert.deepEqual(files.map(({ mountPath }) => mountPath), ['/workspace/WELCOME.md'])
    assert.match(files[0].content, /^# Welcome\n\nThe course/)
    assert.equal(mounts.length, 2)
  })

  test('a health rule', async () => {
    await use('health-rule')
    await portal.ready('fast')
    await use('health-rule', { edit: (text) => text.replace('MOST = 2 ', 'MOST = 0 ') })
    const { last } = await portal.finish(await portal.deploy('slow'), 'failed')
    assert.deepEqual([last.data.code, last.data.step], ['too_slow', 'fast'])
    assert.equal(last.data.detail, 'The workspace answers too slowly.')
    await rehearsal.holdsNothing('slow')
  })

  test('the order of steps', async () => {
    const { url, requests } = await serverOf((it) => it.url.endsWith('/broke') ? 402 : 200)
    const edit = (text) => text.replace(/https:\/\/(licences|chat)\.example\.com/g, url)
    await use('order-of-steps', { edit })
    const { events } = await portal.ready('rich')
    const steps = events.filter(({ data }) => data.step && data.state === 'done')
      .map(({ data }) => data.step)
    assert.deepEqual([steps[0], steps[1], steps.at(-2), steps.at(-1)],
      ['licence', 'project', 'health', 'tell'])
    assert.deepEqual(requests.map((it) => it.url), ['/check/rich', '/hook'])
    assert.match(JSON.parse(requests[1].body).text, /^rich is ready: http/)
    const { last } = await portal.finish(await portal.deploy('broke'), 'failed')
    assert.deepEqual([last.data.step, last.data.detail], ['licence', 'No licence is left.'])
    await rehearsal.holdsNothing('broke')
  })

  test('a step with undo', async () => {
    const records = new Set()
    const puts = []
    const { url } = await serverOf(({ method, url: path }) => {
      const name = path.split('/').pop()
      if (method === 'GET') return records.has(name) ? 200 : 404
      if (method === 'DELETE') return records.delete(name) ? 204 : 404
      records.add(name)
      puts.push(name)
      return name === 'lost' ? null : 201 // it was made, but the answer is lost
    })
    const edit = (text) => text.replace('https://dns.example.com', url)
    await use('step-with-undo', { edit })
    const { key } = await portal.ready('dora')
    assert.deepEqual([...records], ['dora'])
    await portal.deleted('dora', { key })
    assert.deepEqual([...records], [])
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'fay' })
    const { last } = await portal.finish(await portal.deploy('fay'), 'failed')
    assert.equal(last.data.rolledBack, true)
    assert.deepEqual([...records], [])
    await portal.ready('lost')
    assert.deepEqual([puts, [...records]], [['dora', 'fay', 'lost'], ['lost']])
  })

  test('placement on a server', async () => {
    await use('placement')
    await portal.ready('placed')
    const { placementSwarm } = await applicationOf('placed')
    assert.deepEqual(placementSwarm, { Constraints: ['node.labels.kind==workspaces'] })
  })
})

describe('configuration', () => {
  test('a webhook', async () => {
    const receiver = await new Receiver().start()
    after(() => receiver.stop())
    const edit = (text) => text.replace('https://crm.example.com/hook', receiver.url)
    await use('webhook', { edit })
    const { key } = await portal.ready('heard')
    await portal.deleted('heard', { key })
    await receiver.hears('heard', 'ready', 'deleted')
  })

  test('network isolation', async () => {
    await rehearsal.change('network.create',
      { name: 'workspaces', driver: 'overlay', attachable: true })
    await rehearsal.docker('docker network connect workspaces dokploy-traefik')
    await use('network-isolation')
    await portal.ready('apart')
    const { services } = await rehearsal.state()
    const { networks } = services.find(({ appName }) => appName.startsWith('stack-apart-'))
    assert.deepEqual(networks, ['workspaces'])
  })
})

// From here on the clock runs ahead.
describe('time', { skip }, () => {
  const DAY = 24 * HOURS
  let ahead = 0
  const inZone = (time) => new Date(time).toLocaleString('en-GB',
    { timeZone: 'Europe/Amsterdam', weekday: 'short', hour: '2-digit', hourCycle: 'h23' })
  // To the next full hour in Amsterdam of which is(weekday, hour) holds.
  const passTo = (is) => {
    let time = Math.ceil((Date.now() / 1000 + ahead) / HOURS) * HOURS
    for (;; time += HOURS) {
      const [weekday, hour] = inZone(time * 1000).replace(',', '').split(' ')
      if (is(weekday, Number(hour))) break
    }
    ahead = time - Date.now() / 1000 + 1
    clock.set(ahead)
  }
  const isWorkday = (weekday) => !weekday.startsWith('S')

  test('opening hours', async () => {
    await use('opening-hours')
    passTo((weekday, hour) => isWorkday(weekday) && hour === 19)
    const { detail } = await refused(portal.deploy('late'), 403, 'closed_now')
    assert.match(detail, /between 8:00 and 18:00/)
    passTo((weekday, hour) => isWorkday(weekday) && hour === 8)
    await portal.ready('early')
    passTo((weekday, hour) => weekday === 'Sat' && hour === 12)
    await refused(portal.deploy('late'), 403, 'closed_now')
    await portal.ready('by-admin', admin)
  })

  test('stop at night', async () => {
    await use('night-stop')
    const { key } = await portal.ready('owl')
    const state = async () => (await portal.stack('owl', { key })).json.state
    passTo((weekday, hour) => isWorkday(weekday) && hour === 21)
    assert.equal(await state(), 'ready')
    passTo((weekday, hour) => isWorkday(weekday) && hour === 22)
    await until(async () => await state() === 'stopped', 'it is stopped')
  })

  test('expiry after 7 days, with a warning 2 days before', async () => {
    await use('expiry')
    const { key } = await portal.ready('brief')
    const ends = new Date(Date.now() + ahead * 1000 + 7 * DAY * 1000).toISOString().slice(0, 10)
    const stack = async (language) => (await portal.stack('brief', { key, language })).json
    const passDays = (days) => clock.set(ahead += days * DAY)
    passDays(5.001) // the end is two days after the warning
    await until(async () => (await stack('en')).note, 'its owner is warned')
    const { note, state } = await stack('nl')
    assert.deepEqual([note.includes(ends), state], [true, 'ready'], note)
    assert.match(note, /^Deze werkruimte/)
    passDays(2)
    await until(async () => (await portal.check('brief')).json.available, 'it is deleted')
    assert.ok((await rehearsal.volumes()).some((name) => name.includes('-brief-')), 'files stay')
  })
})

test('each recipe has a test', () => {
  const text = readFileSync(new URL(import.meta.url), 'utf8')
  const others = readdirSync(folder).filter((name) => !text.includes(`use('${name}'`))
  assert.deepEqual(others, [])
})
