// What the admin oversees, by REST and by forms: lists searched and paged, actions on several
// workspaces, the stream of changes.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { logIn } from './admin.mjs'
import { ADMIN, inWorld, queueLimits, until, useWorld } from './harness.mjs'

const key = ADMIN
const unescape = (html) => html.replaceAll('&amp;', '&')

// Every row of a list, page by page; `after`: the name of the query field for the next page.
async function allPages(ask, after) {
  const rows = []
  for (let next = ''; next !== null;) {
    const page = await ask(next ? `&${after}=${next}` : '')
    rows.push(...page.rows)
    next = page.next
  }
  return rows
}

describe('one portal', () => {
  let admin, ownerKey
  const { portal, rehearsal } = useWorld({
    async prepare() {
      const names = ['anna', 'berta', 'carla', 'dora-2']
      const made = await Promise.all(names.map((name) => portal.ready(name)))
      ownerKey = made[0].key
      admin = await logIn(portal)
    },
  })

  async function ask(path) {
    const { status, json, text } = await portal.api(`/api/admin/${path}`, { key })
    assert.equal(status, 200, text)
    return json
  }
  const names = async (query = '') => (await ask(`stacks${query}`)).stacks.map(({ name }) => name)
  const actOn = (action, list, fields = {}) =>
    portal.post('/api/admin/stacks', { action, names: list, ...fields }, { key })
  async function finishAll({ json }) {
    const accepted = json.results.filter(({ statusUrl }) => statusUrl)
    return Promise.all(accepted.map(({ statusUrl }) => portal.follow(statusUrl)))
  }
  const codeOf = async (path, bearer = key) => (await portal.api(path, { key: bearer })).json.code

  test('workspaces are searched, filtered and paged', async () => {
    assert.deepEqual(await names(), ['anna', 'berta', 'carla', 'dora-2'])
    assert.deepEqual(await names('?search=ARL'), ['carla'])
    assert.deepEqual(await names('?search=%25'), [], 'a search is not a pattern')
    assert.deepEqual(await names('?state=stopped'), [])
    const { stacks: [anna] } = await ask('stacks?search=anna')
    assert.deepEqual([anna.state, anna.memoryBytes], ['ready', 2 * 2 ** 30])
    assert.ok(!('password' in anna))
    assert.deepEqual(await names(`?owner=${anna.ownerId}`), ['anna'])
    const first = await ask('stacks?limit=3')
    assert.deepEqual([first.stacks.length, first.next], [3, 'carla'])
    assert.deepEqual(first.states, [{ state: 'ready', count: 4 }])
    const second = await ask(`stacks?limit=3&after=${first.next}`)
    assert.deepEqual([second.stacks.map(({ name }) => name), second.next], [['dora-2'], null])
    for (const bad of ['limit=0', 'limit=201', `search=${'x'.repeat(201)}`]) {
      assert.equal(await codeOf(`/api/admin/stacks?${bad}`), 'value_invalid', bad)
    }
    assert.equal(await codeOf('/api/admin/stacks', ownerKey), 'admin_only')
  })

  test('an action on several is answered for each', async () => {
    await rehearsal.hold('application.stop', 'anna')
    const stopping = await actOn('stop', 'anna, carla nobody')
    assert.equal(stopping.status, 200, stopping.text)
    const { results } = stopping.json
    const codes = results.map(({ name, code }) => `${name} ${code}`)
    assert.deepEqual(codes, ['anna undefined', 'carla undefined', 'nobody stack_unknown'])
    assert.ok(results[2].detail.includes('nobody'))
    assert.equal((await actOn('restart', 'anna')).json.results[0].code, 'stack_busy')
    await rehearsal.forgetFaults()
    for (const { last } of await finishAll(stopping)) assert.equal(last.event, 'stopped')
    assert.deepEqual(await names('?state=stopped'), ['anna', 'carla'])
    const { states } = await ask('stacks')
    assert.deepEqual(states, [{ state: 'ready', count: 2 }, { state: 'stopped', count: 2 }])
    await finishAll(await actOn('start', 'anna,carla'))
    const { entries } = (await portal.api('/api/audit?action=stop', { key })).json
    const audited = entries.map(({ name, who, allowed }) => [name, who, allowed])
    assert.deepEqual(audited, [['carla', 'admin', true], ['anna', 'admin', true]])
    const wrong = [
      ['dance', 'anna'], ['stop', ''], ['stop', ' , '], ['delete', 'anna', { data: 'maybe' }],
    ]
    for (const [action, list, fields] of wrong) {
      assert.equal((await actOn(action, list, fields)).status, 422, action)
    }
    const json = { action: 'stop', names: 'anna' }
    const byOwner = await portal.post('/api/admin/stacks', json, { key: ownerKey })
    assert.equal(byOwner.status, 403)
  })

  test('a redeploy keeps password and files; a failed one keeps what runs', async () => {
    const before = await rehearsal.state()
    const { password } = (await portal.stack('anna', { key: ownerKey })).json
    const [{ last }] = await finishAll(await actOn('redeploy', 'anna'))
    assert.equal(last.event, 'ready')
    const after = await rehearsal.state()
    assert.equal(after.deployments.length, before.deployments.length + 1)
    assert.equal(after.applications.length, before.applications.length)
    assert.equal((await rehearsal.stack('anna', '/global/health', { password })).status, 200)
    const byOwner = await portal.act('anna', 'redeploy', { key: ownerKey })
    assert.equal(byOwner.status, 404, 'owners cannot redeploy')
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'anna', times: 1 })
    const [{ last: failed }] = await finishAll(await actOn('redeploy', 'anna'))
    assert.deepEqual([failed.event, failed.data.code], ['failed', 'image_not_found'])
    assert.equal((await ask('stacks?search=anna')).stacks[0].state, 'ready')
  })

  test('operations: newest first, by kind, state and search, and by page', async () => {
    const operations = async (query) => (await ask(`operations?${query}`)).operations
    const ofAnna = (await operations('search=anna')).map((it) => `${it.kind} ${it.state}`)
    assert.deepEqual(ofAnna, [
      'redeploy failed', 'redeploy ready', 'start ready', 'stop stopped', 'deploy ready',
    ])
    const failed = (await operations('state=failed')).map(({ name, code }) => [name, code])
    assert.deepEqual(failed, [['anna', 'image_not_found']])
    assert.deepEqual(await operations('state=open'), [])
    assert.deepEqual((await operations('kind=stop')).map(({ name }) => name), ['carla', 'anna'])
    const all = await allPages(async (query) => {
      const { operations: rows, next } = await ask(`operations?limit=2${query}`)
      return { rows, next }
    }, 'before')
    const ids = new Set(all.map(({ deploymentId }) => deploymentId))
    assert.deepEqual([all.length, ids.size], [10, 10])
  })

  test('the audit log is searched, filtered and paged', async () => {
    const page = async (query) => (await portal.api(`/api/audit?${query}`, { key })).json
    const entries = async (query) => (await page(query)).entries
    await portal.remove('berta', { key: ownerKey }) // refused, and noted
    const refused = await entries('allowed=false')
    const shown = refused.map(({ action, name, who }) => [action, name, who])
    assert.deepEqual(shown, [['delete', 'berta', 'owner']])
    assert.ok((await entries('who=visitor')).every(({ who }) => who === 'visitor'))
    assert.equal((await entries('name=berta&action=deploy')).length, 1)
    assert.deepEqual((await entries('search=DORA')).map(({ name }) => name), ['dora-2'])
    assert.equal(await codeOf('/api/audit?allowed=perhaps'), 'value_invalid')
    const first = await page('limit=2&action=deploy')
    const rest = await entries(`action=deploy&before=${first.next}`)
    assert.deepEqual([...first.entries, ...rest], await entries('action=deploy'))
  })

  test('forms: a question, the typed confirmation, then the results', async () => {
    const form = (fields) => admin.form('/admin/stacks/act', fields)
    const two = { act: 'delete', names: 'berta,dora-2' }
    const question = await admin.get('/admin/stacks/act?act=delete&pick.berta=on&pick.dora-2=on')
    assert.equal(question.status, 200)
    assert.ok(question.text.includes('value="berta,dora-2"'))
    const wrong = await form({ ...two, confirm: '3' })
    assert.equal(wrong.status, 422)
    assert.ok(wrong.text.includes('role="alert"'))
    assert.equal((await names('?search=berta')).length, 1, 'nothing has begun')
    const done = await form({ ...two, confirm: ' 2 ', data: 'delete' })
    assert.equal(done.status, 303)
    const results = async () => (await admin.get(done.headers.location)).text
    for (const path of new Set((await results()).match(/\/deployment\/\w+/g))) {
      const { last } = await portal.follow(path.replace('/deployment/', '/api/status/'))
      assert.deepEqual([last.event, last.data.data], ['deleted', 'deleted'])
    }
    assert.ok((await results()).includes('deleted'))
    const unconfirmed = await form({ act: 'delete', names: 'anna', confirm: 'anna2' })
    assert.equal(unconfirmed.status, 422)
    assert.equal((await form({ act: 'stop', names: 'anna' })).status, 303)
    const refused = await form({ act: 'stop', names: 'nobody' })
    const texts = { en: 'There is no workspace named nobody', nl: 'Er is geen werkruimte nobody' }
    for (const [language, text] of Object.entries(texts)) {
      const page = await admin.get(`${refused.headers.location}?lang=${language}`)
      assert.ok(page.text.includes(text), language)
    }
    const unknown = await admin.get('/admin/stacks/done/unknown')
    assert.equal(unknown.headers.location, '/admin/stacks')
  })

  test('invites and tokens are shown once', async () => {
    const label = '<b>Workshop</b>'
    const invite = await admin.form('/admin/access/invites', { label, uses: 3, expiresIn: 86400 })
    const [code] = invite.text.match(/inv_[\w-]{43}/)
    assert.ok(invite.text.includes('&lt;b&gt;Workshop') && !invite.text.includes('<b>Workshop'))
    const fields = { label: 'ci', 'scope.read': 'on', 'scope.create': 'on', expiresIn: '' }
    const token = await admin.form('/admin/access/tokens', fields)
    const [secret] = token.text.match(/tok_[0-9a-f]{12}\.[\w-]{43}/)
    assert.equal((await portal.api('/api/stacks', { key: secret })).status, 200)
    const page = (await admin.get('/admin/access')).text
    assert.ok(!page.includes(code) && !page.includes(secret))
    const [, id] = secret.match(/tok_(\w+)/)
    const revoked = await admin.form(`/admin/access/tokens/${id}/revoke`)
    assert.equal(revoked.headers.location, '/admin/access')
    assert.equal(await codeOf('/api/stacks', secret), 'key_revoked')
    const { tokens } = (await portal.api('/api/tokens', { key })).json
    assert.equal(tokens.find((row) => row.id === id).state, 'revoked')
    assert.equal((await admin.form('/admin/access/tokens', { label: 'nothing' })).status, 422)
  })

  test('invites and tokens are searched, filtered and paged', async () => {
    const list = async (what, query = '') => {
      const { json } = await portal.api(`/api/${what}?${query}`, { key })
      return { rows: json[what].map(({ label }) => label), next: json.next }
    }
    const labels = async (what, query) => (await list(what, query)).rows
    const make = async (what, json) => (await portal.post(`/api/${what}`, json, { key })).json
    for (const label of ['Spring class', 'Autumn class']) await make('invites', { label })
    const { id } = await make('invites', { label: 'Withdrawn' })
    await portal.api(`/api/invites/${id}`, { method: 'DELETE', key })
    for (const scopes of ['read', 'read delete']) {
      await make('tokens', { label: `robot that may ${scopes}`, scopes })
    }
    const expected = [
      ['invites', 'search=CLASS', ['Autumn class', 'Spring class']],
      ['invites', `search=${id}`, ['Withdrawn']],
      ['invites', 'search=%25', []],
      ['invites', 'state=revoked', ['Withdrawn']],
      ['tokens', 'search=delete', ['robot that may read delete']],
      ['tokens', 'state=revoked', ['ci']],
    ]
    for (const [what, query, rows] of expected) assert.deepEqual(await labels(what, query), rows)
    for (const what of ['invites', 'tokens']) {
      const seen = await allPages((query) => list(what, `limit=2${query}`), 'after')
      assert.deepEqual(seen, await labels(what), `${what}: each once, newest first`)
      assert.equal(await codeOf(`/api/${what}?limit=0`), 'value_invalid')
    }
    const page = async (path) => (await admin.get(path)).text
    const found = await page('/admin/access?search=class&limit=1')
    assert.ok(found.includes('Autumn class'))
    assert.ok(!found.includes('Spring class') && !found.includes('robot that'))
    const rest = await page(unescape(found.match(/href="([^"]*[?&;]invites=[^"]*)"/)[1]))
    assert.ok(rest.includes('Spring class') && !rest.includes('Autumn class'))
    const nothing = await page('/admin/access?search=nowhere')
    assert.ok(nothing.includes('Nothing matches this search.'))
  })

  test('the summary', async () => {
    const { policy, dokploy, startedAt, version } = await ask('summary')
    assert.equal(policy.generation, 1)
    const { breaker, reachable } = dokploy
    assert.deepEqual([dokploy.version, breaker.state, reachable], ['0.30.2', 'closed', true])
    assert.ok(startedAt && version)
  })

  test('a strange filter breaks no page', async () => {
    const expected = {
      '/admin/stacks?limit=x&search=<script>': 200, '/admin/operations?before=x': 200,
      '/admin/audit?allowed=x&name=%00': 200, '/admin/stacks/NoSuch': 404,
      '/admin/stacks/act': 303, '/admin/stacks/act?act=stop': 200,
    }
    for (const [path, wanted] of Object.entries(expected)) {
      const { status, text } = await admin.get(path)
      assert.equal(status, wanted, path)
      assert.ok(!text.includes('<script>'), path)
    }
  })

  test('the stream reports kinds of changes, and what a returning client missed', async () => {
    const stream = await admin.stream()
    assert.equal(stream.headers['content-type'], 'text/event-stream')
    const events = []
    const read = (async () => { for await (const event of stream) events.push(event) })()
    const { answer } = await portal.ready('eva')
    const hasKind = (kind) => events.some(({ data }) => data.kind === kind)
    await until(() => hasKind('audit') && hasKind('operations'), 'both kinds')
    stream.close()
    await read
    for (const { event, data } of events) {
      assert.deepEqual([event, Object.keys(data)], ['changed', ['kind']])
    }
    assert.ok(!JSON.stringify(events).includes(answer.json.deploymentId))
    assert.ok(events.every(({ id }, i) => i === 0 || id > events[i - 1].id))

    const resume = () =>
      portal.stream('/api/admin/events', { key, lastEventId: events.at(-1).id })
    for (let i = 0; i < 2; i++) await portal.post('/api/invites', undefined, { key })
    const again = await resume()
    const missed = []
    for await (const { data } of again) {
      missed.push(data.kind)
      if (missed.length === 2) again.close()
    }
    assert.deepEqual(missed.sort(), ['access', 'audit'])

    await portal.stop()
    await portal.restart()
    const later = await resume()
    for await (const { id, data } of later) {
      assert.equal(data.kind, 'all', 'changes from before the restart are not known')
      assert.ok(id > events.at(-1).id)
      later.close()
    }
    assert.equal(await codeOf('/api/admin/events?after=x'), 'value_invalid')
  })
})

test('the queue: who waits, in which order; a form cancels a waiting deployment',
  inWorld({ edits: queueLimits(1) }, async ({ portal, rehearsal }) => {
    await rehearsal.hold('deploy', 'first')
    const first = await portal.deploy('first')
    const second = await portal.deploy('second')
    const third = await portal.deploy('third')
    const queue = async () => (await portal.api('/api/admin/queue', { key })).json
    const { places, running, waiting } = await until(async () => {
      const now = await queue()
      return now.running.length === 1 && now
    }, 'the first runs')
    assert.equal(places, 1)
    assert.deepEqual(running.map(({ name }) => name), ['first'])
    const positions = waiting.map(({ name, position }) => [name, position])
    assert.deepEqual(positions, [['second', 1], ['third', 2]])
    const [one, two] = waiting.map(({ etaSeconds }) => etaSeconds)
    assert.ok(one > 0 && two >= one, `${one}, ${two}`)
    const admin = await logIn(portal)
    const page = async (path) => (await admin.get(path)).text
    const all = await page('/admin/queue')
    assert.ok(all.includes('second') && all.indexOf('second') < all.indexOf('third'))
    const found = await page('/admin/queue?search=THIRD')
    assert.ok(found.includes('third') && !found.includes('second'))
    assert.ok(found.includes('<div>2</div>'), 'with its position in the whole queue')
    const [, more] = (await page('/admin/queue?limit=1'))
      .match(/href="(\/admin\/queue[^"]*from=2[^"]*)"/)
    const next = await page(unescape(more))
    assert.ok(next.includes('third') && !next.includes('second'))
    const cancel = ({ json }) => admin.form(`/admin/operations/${json.deploymentId}/cancel`)
    assert.equal((await cancel(second)).headers.location, '/admin/queue')
    await portal.finish(second, 'cancelled')
    assert.deepEqual((await queue()).waiting.map(({ name }) => name), ['third'])
    await cancel(third)
    await cancel(first)
    await rehearsal.forgetFaults()
    await portal.finish(first, 'cancelled')
  }))

test('leftovers: what, since when, last tried when; and a try now',
  inWorld({}, async ({ portal, rehearsal }) => {
    await rehearsal.faults([
      { at: 'deploy', kind: 'deploy_error', name: 'litter', times: 0 },
      { at: 'application.delete', kind: 'status', status: 500, times: 0 },
    ])
    const { answer, last } = await portal.finish(await portal.deploy('litter'), 'failed')
    assert.equal(last.data.rolledBack, false)
    const { deploymentId } = answer.json
    const list = async () => (await portal.api('/api/admin/leftovers', { key })).json.leftovers
    const [entry] = await list()
    assert.deepEqual([entry.name, entry.deploymentId], ['litter', deploymentId])
    assert.ok(entry.since && entry.things.length > 0)
    assert.ok(entry.things.every(({ detail }) => detail))
    const path = `leftovers/${deploymentId}/try`
    const attempt = () => portal.post(`/api/admin/${path}`, undefined, { key })
    assert.deepEqual((await attempt()).json, { deploymentId, gone: false })
    assert.ok((await list())[0].triedAt)
    await rehearsal.forgetFaults()
    const admin = await logIn(portal)
    const page = async (search) => (await admin.get(`/admin/leftovers?search=${search}`)).text
    const isListed = async (search) => (await page(search)).includes(`left-${deploymentId}`)
    assert.deepEqual([await isListed('LITT'), await isListed('gold')], [true, false])
    assert.equal((await admin.form(`/admin/${path}`)).headers.location, '/admin/leftovers')
    await until(async () => (await list()).length === 0, 'nothing is left')
    await rehearsal.holdsNothing('litter')
    assert.equal((await attempt()).json.code, 'deployment_unknown')
  }))

test('a rejected edit is shown with its line, and the stream tells of it',
  inWorld({ edits: {} }, async ({ portal, tree }) => {
    portal.expect(/scripts\.rejected/)
    const admin = await logIn(portal)
    const stream = await admin.stream()
    const isPortal = async () => {
      for await (const { data } of stream) if (data.kind === 'portal') return true
      return false
    }
    const heard = isPortal()
    const path = 'scripts/policy/names.lua'
    const good = tree.read(path)
    const shows = async () => (await admin.get('/admin')).text
    tree.write(path, `${good}\nthis is no Lua`)
    const page = await until(async () => {
      const text = await shows()
      return text.includes('names.lua:') && text
    }, 'the page shows it')
    assert.match(page, /names\.lua:\d+/)
    assert.equal(await heard, true)
    const { policy } = (await portal.api('/api/admin/summary', { key })).json
    assert.match(policy.rejected.file, /names\.lua$/)
    tree.write(path, good)
    await until(async () => !(await shows()).includes('names.lua:'), 'the page is well again')
    stream.close()
  }))
