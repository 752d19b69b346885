// What the admin oversees, by REST and by the forms of his page: lists searched and paged, acts on several stacks, the feed of changes.
import { after, before, describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { logIn } from './admin.mjs'
import { ADMIN, copyRoot, startAll, until } from './harness.mjs'

const as = { key: ADMIN }

describe('one portal', () => {
  let world, portal, rehearsal, admin, keys
  before(async () => {
    world = await startAll()
    ;({ portal, rehearsal } = world)
    const made = await Promise.all(['anna', 'berta', 'carla', 'dora-2'].map((name) => portal.ready(name)))
    keys = made.map(({ key }) => key)
    admin = await logIn(portal)
  })
  after(() => world.stop())

  const ask = async (path) => {
    const { status, json, text } = await portal.api(`/api/admin/${path}`, as)
    assert.equal(status, 200, text)
    return json
  }
  const names = async (query = '') => (await ask(`stacks${query}`)).stacks.map(({ name }) => name)
  const many = (action, list, more = {}) => portal.api('/api/admin/stacks', { method: 'POST', ...as, json: { action, names: list, ...more } })
  const settled = (results) => Promise.all(results.filter(({ statusUrl }) => statusUrl).map(({ statusUrl }) => portal.follow(statusUrl)))

  test('stacks are searched, filtered and paged by the server', async () => {
    assert.deepEqual(await names(), ['anna', 'berta', 'carla', 'dora-2'])
    assert.deepEqual(await names('?search=ARL'), ['carla'])
    assert.deepEqual(await names('?search=%25'), [], 'a search is no pattern')
    assert.deepEqual(await names('?state=stopped'), [])
    const { stacks } = await ask('stacks?search=anna')
    assert.equal(stacks[0].state, 'ready')
    assert.equal(stacks[0].memoryBytes, 2 * 2 ** 30)
    assert.ok(!('password' in stacks[0]))
    assert.deepEqual(await names(`?owner=${stacks[0].ownerId}`), ['anna'])
    const first = await ask('stacks?limit=3')
    assert.deepEqual([first.stacks.length, first.next], [3, 'carla'])
    const second = await ask(`stacks?limit=3&after=${first.next}`)
    assert.deepEqual([second.stacks.map(({ name }) => name), second.next], [['dora-2'], null])
    assert.deepEqual(first.states, [{ state: 'ready', count: 4 }])
    for (const bad of ['limit=0', 'limit=201', `search=${'x'.repeat(201)}`]) {
      assert.equal((await portal.api(`/api/admin/stacks?${bad}`, as)).json.code, 'value_invalid', bad)
    }
    assert.equal((await portal.api('/api/admin/stacks', { key: keys[0] })).json.code, 'admin_only')
  })

  test('one act on several: each is answered by itself', async () => {
    await rehearsal.faults({ at: 'application.stop', kind: 'latency', ms: 9000, name: 'anna' })
    const answer = await many('stop', 'anna, carla nobody')
    assert.equal(answer.status, 200, answer.text)
    const { results } = answer.json
    assert.deepEqual(results.map(({ name, code }) => [name, code]), [['anna', undefined], ['carla', undefined], ['nobody', 'stack_unknown']])
    assert.ok(results[2].detail.includes('nobody'))
    const busy = await many('restart', 'anna')
    assert.equal(busy.json.results[0].code, 'stack_busy')
    for (const { last } of await settled(results)) assert.equal(last.event, 'stopped')
    assert.deepEqual(await names('?state=stopped'), ['anna', 'carla'])
    const { states } = await ask('stacks')
    assert.deepEqual(states, [{ state: 'ready', count: 2 }, { state: 'stopped', count: 2 }])
    await settled((await many('start', 'anna,carla')).json.results)
    const trail = (await portal.api('/api/audit?action=stop', as)).json.entries
    assert.deepEqual(trail.map(({ name, who, allowed }) => [name, who, allowed]), [['carla', 'admin', true], ['anna', 'admin', true]])
    for (const [action, list, more] of [['dance', 'anna'], ['stop', ''], ['stop', ' , '], ['delete', 'anna', { data: 'maybe' }]]) {
      assert.equal((await many(action, list, more)).status, 422, action)
    }
    assert.equal((await portal.api('/api/admin/stacks', { method: 'POST', key: keys[0], json: { action: 'stop', names: 'anna' } })).status, 403)
  })

  test('a redeploy has Dokploy deploy it again; its password and files stay', async () => {
    const applications = async () => (await rehearsal.state()).applications.length
    const [before, { password }] = [await applications(), (await portal.stack('anna', { key: keys[0] })).json]
    const sent = (await rehearsal.state()).deployments.length
    const [{ last }] = await settled((await many('redeploy', 'anna')).json.results)
    assert.equal(last.event, 'ready')
    assert.equal((await rehearsal.state()).deployments.length, sent + 1)
    assert.equal(await applications(), before)
    assert.equal((await rehearsal.stack('anna', '/global/health', { password })).status, 200)
    assert.equal((await portal.api('/api/stack/anna/redeploy', { method: 'POST', key: keys[0] })).status, 404, 'it is not the owner\'s to do')
    await rehearsal.faults({ at: 'deploy', kind: 'image_not_found', name: 'anna', times: 1 })
    const [{ last: failed }] = await settled((await many('redeploy', 'anna')).json.results)
    assert.deepEqual([failed.event, failed.data.code], ['failed', 'image_not_found'])
    assert.equal((await ask('stacks?search=anna')).stacks[0].state, 'ready', 'what ran before goes on')
  })

  test('operations: newest first, by kind, state and search, and by page', async () => {
    const { operations } = await ask('operations?search=anna')
    assert.deepEqual(operations.map(({ kind, state }) => [kind, state]),
      [['redeploy', 'failed'], ['redeploy', 'ready'], ['start', 'ready'], ['stop', 'stopped'], ['deploy', 'ready']])
    assert.deepEqual((await ask('operations?state=failed')).operations.map(({ name, code }) => [name, code]), [['anna', 'image_not_found']])
    assert.deepEqual((await ask('operations?state=open')).operations, [])
    assert.deepEqual((await ask('operations?kind=stop')).operations.map(({ name }) => name), ['carla', 'anna'])
    const seen = []
    for (let next = ''; next !== null;) {
      const page = await ask(`operations?limit=2${next && `&before=${next}`}`)
      seen.push(...page.operations.map(({ deploymentId }) => deploymentId))
      next = page.next
    }
    assert.equal(new Set(seen).size, 10)
    assert.equal(seen.length, 10)
  })

  test('the trail is searched and filtered', async () => {
    const of = async (query) => (await portal.api(`/api/audit?${query}`, as)).json.entries
    await portal.remove('berta', { key: keys[0] }) // refused, and noted
    assert.deepEqual((await of('allowed=false')).map(({ action, name, who }) => [action, name, who]), [['delete', 'berta', 'owner']])
    assert.ok((await of('who=visitor')).every(({ who }) => who === 'visitor'))
    assert.deepEqual((await of('name=berta&action=deploy')).length, 1)
    assert.deepEqual((await of('search=DORA')).map(({ name }) => name), ['dora-2'])
    assert.equal((await portal.api('/api/audit?allowed=perhaps', as)).json.code, 'value_invalid')
    const all = await of('action=deploy')
    const page = (await portal.api('/api/audit?limit=2&action=deploy', as)).json
    assert.deepEqual([...page.entries, ...await of(`action=deploy&before=${page.next}`)], all)
  })

  test('forms: the question first, the word typed, then what came of each', async () => {
    const question = await admin.get('/admin/stacks/act?act=delete&pick.berta=on&pick.dora-2=on')
    assert.equal(question.status, 200)
    assert.ok(question.text.includes('value="berta,dora-2"'))
    const wrong = await admin.form('/admin/stacks/act', { act: 'delete', names: 'berta,dora-2', confirm: '3' })
    assert.equal(wrong.status, 422)
    assert.ok(wrong.text.includes('role="alert"'))
    assert.equal((await names('?search=berta')).length, 1, 'nothing was begun')
    const done = await admin.form('/admin/stacks/act', { act: 'delete', names: 'berta,dora-2', confirm: ' 2 ', data: 'delete' })
    assert.equal(done.status, 303)
    const ids = (await admin.get(done.headers.location)).text.match(/\/deployment\/\w+/g)
    for (const id of new Set(ids)) {
      const { last } = await portal.follow(id.replace('/deployment/', '/api/status/'))
      assert.deepEqual([last.event, last.data.data], ['deleted', 'deleted'])
    }
    assert.ok((await admin.get(done.headers.location)).text.includes('deleted'))
    assert.equal((await admin.form('/admin/stacks/act', { act: 'delete', names: 'anna', confirm: 'anna2' })).status, 422)
    assert.equal((await admin.form('/admin/stacks/act', { act: 'stop', names: 'anna' })).status, 303)
    const refused = await admin.form('/admin/stacks/act', { act: 'stop', names: 'nobody' })
    for (const [language, words] of [['en', 'There is no workspace named nobody'], ['nl', 'Er is geen werkruimte nobody']]) {
      assert.ok((await admin.get(`${refused.headers.location}?lang=${language}`)).text.includes(words), language)
    }
    assert.equal((await admin.get('/admin/stacks/done/unknown')).headers.location, '/admin/stacks')
  })

  test('invites and tokens: told once, then only what they are worth', async () => {
    const invite = await admin.form('/admin/access/invites', { label: '<b>Workshop</b>', uses: 3, expiresIn: 86400 })
    const code = invite.text.match(/inv_[\w-]{43}/)[0]
    assert.ok(invite.text.includes('&lt;b&gt;Workshop') && !invite.text.includes('<b>Workshop'))
    const token = await admin.form('/admin/access/tokens', { label: 'ci', 'scope.read': 'on', 'scope.create': 'on', expiresIn: '' })
    const secret = token.text.match(/tok_[0-9a-f]{12}\.[\w-]{43}/)[0]
    assert.equal((await portal.api('/api/stacks', { key: secret })).status, 200)
    const page = (await admin.get('/admin/access')).text
    assert.ok(!page.includes(code) && !page.includes(secret))
    assert.match(page, /good/)
    const id = secret.match(/tok_(\w+)/)[1]
    assert.equal((await admin.form(`/admin/access/tokens/${id}/revoke`)).headers.location, '/admin/access')
    assert.equal((await portal.api('/api/stacks', { key: secret })).json.code, 'key_revoked')
    assert.equal((await portal.api('/api/tokens', as)).json.tokens.find((row) => row.id === id).state, 'revoked')
    assert.equal((await admin.form('/admin/access/tokens', { label: 'nothing' })).status, 422)
  })

  test('invites and tokens are searched, filtered by what they are worth, and paged', async () => {
    const labels = async (what, query = '') => (await portal.api(`/api/${what}?${query}`, as)).json[what].map(({ label }) => label)
    const make = (what, json) => portal.api(`/api/${what}`, { method: 'POST', ...as, json })
    for (const label of ['Spring class', 'Autumn class']) await make('invites', { label })
    const { json: taken } = await make('invites', { label: 'Taken back' })
    await portal.api(`/api/invites/${taken.id}`, { method: 'DELETE', ...as })
    for (const scopes of ['read', 'read delete']) await make('tokens', { label: `robot that may ${scopes}`, scopes })

    assert.deepEqual(await labels('invites', 'search=CLASS'), ['Autumn class', 'Spring class'])
    assert.deepEqual(await labels('invites', `search=${taken.id}`), ['Taken back'])
    assert.deepEqual(await labels('invites', 'search=%25'), [], 'a search is no pattern')
    assert.deepEqual(await labels('invites', 'state=revoked'), ['Taken back'])
    assert.deepEqual(await labels('tokens', 'search=delete'), ['robot that may read delete'])
    assert.deepEqual(await labels('tokens', 'state=revoked'), ['ci'])
    for (const what of ['invites', 'tokens']) {
      const seen = []
      for (let next = ''; next !== null;) {
        const { json } = await portal.api(`/api/${what}?limit=2${next && `&after=${next}`}`, as)
        assert.ok(json[what].length <= 2)
        seen.push(...json[what].map(({ label }) => label))
        next = json.next
      }
      assert.deepEqual(seen, await labels(what), `${what}: every one, once, newest first`)
      assert.equal((await portal.api(`/api/${what}?limit=0`, as)).json.code, 'value_invalid')
    }

    const found = (await admin.get('/admin/access?search=class&limit=1')).text
    assert.ok(found.includes('Autumn class') && !found.includes('Spring class') && !found.includes('robot that'))
    const more = found.match(/href="([^"]*[?&;]invites=[^"]*)"/)[1].replaceAll('&amp;', '&')
    const rest = (await admin.get(more)).text
    assert.ok(rest.includes('Spring class') && !rest.includes('Autumn class'))
    assert.ok((await admin.get('/admin/access?search=nowhere')).text.includes('Nothing matches this search.'))
  })

  test('the summary tells how everything is', async () => {
    const summary = await ask('summary')
    assert.equal(summary.policy.generation, 1)
    assert.equal(summary.dokploy.version, '0.30.2')
    assert.equal(summary.dokploy.breaker.state, 'closed')
    assert.equal(summary.dokploy.reachable, true)
    assert.ok(summary.startedAt && summary.version)
  })

  test('a strange filter in the address breaks no page', async () => {
    for (const path of ['/admin/stacks?limit=x&search=<script>', '/admin/operations?before=x', '/admin/audit?allowed=x&name=%00', '/admin/stacks/NoSuch',
      '/admin/stacks/act', '/admin/stacks/act?act=stop']) {
      const { status, text } = await admin.get(path)
      assert.ok([200, 303, 404].includes(status), `${path}: ${status}`)
      assert.ok(!text.includes('<script>'), path)
    }
  })

  test('the feed tells kinds and nothing else, and to whoever comes back what was missed, once', async () => {
    const stream = await admin.stream()
    assert.equal(stream.headers['content-type'], 'text/event-stream')
    const events = []
    const reading = (async () => { for await (const event of stream) events.push(event) })()
    const { answer } = await portal.ready('eva')
    await until(() => events.some(({ data }) => data.kind === 'audit') && events.some(({ data }) => data.kind === 'operations'), 'both kinds')
    stream.close()
    await reading.catch(() => {})
    for (const { event, data } of events) assert.deepEqual([event, Object.keys(data)], ['changed', ['kind']])
    assert.ok(!JSON.stringify(events).includes(answer.json.deploymentId))
    assert.ok(events.every(({ id }, i) => i === 0 || id > events[i - 1].id))

    await portal.api('/api/invites', { method: 'POST', ...as })
    await portal.api('/api/invites', { method: 'POST', ...as })
    const again = await portal.stream('/api/admin/events', { ...as, lastEventId: events.at(-1).id })
    const missed = []
    for await (const { data } of again) {
      missed.push(data.kind)
      if (missed.length === 2) again.close()
    }
    assert.deepEqual(missed.sort(), ['access', 'audit'])

    await portal.stop()
    await portal.restart()
    const later = await portal.stream('/api/admin/events', { ...as, lastEventId: events.at(-1).id })
    for await (const { id, data } of later) {
      assert.equal(data.kind, 'all', 'what changed before the restart is not known')
      assert.ok(id > events.at(-1).id)
      later.close()
    }
    assert.equal((await portal.api('/api/admin/events?after=x', as)).json.code, 'value_invalid')
  })
})

test('the queue: who waits, in which order; a waiting one is cancelled by a form', async () => {
  const copy = copyRoot()
  copy.edit('config.lua', (text) => text.replace('running_deployments = 8', 'running_deployments = 1'))
  const world = await startAll({ root: copy.root })
  const { portal, rehearsal } = world
  try {
    await rehearsal.faults({ at: 'deploy', kind: 'hang', ms: 8000, name: 'first', times: 0 })
    const [first, second, third] = [await portal.deploy('first'), await portal.deploy('second'), await portal.deploy('third')]
    const queue = async () => (await portal.api('/api/admin/queue', as)).json
    const { places, running, waiting } = await until(async () => { const now = await queue(); return now.running.length === 1 && now }, 'the first runs')
    assert.equal(places, 1)
    assert.deepEqual(running.map(({ name }) => name), ['first'])
    assert.deepEqual(waiting.map(({ name, position }) => [name, position]), [['second', 1], ['third', 2]])
    assert.ok(waiting[0].etaSeconds > 0 && waiting[1].etaSeconds >= waiting[0].etaSeconds)
    const admin = await logIn(portal)
    const page = (await admin.get('/admin/queue')).text
    assert.ok(page.includes('second') && page.indexOf('second') < page.indexOf('third'))
    const found = (await admin.get('/admin/queue?search=THIRD')).text
    assert.ok(found.includes('third') && !found.includes('second') && found.includes('<div>2</div>'), 'found, with its place in the whole queue')
    const [, more] = (await admin.get('/admin/queue?limit=1')).text.match(/href="(\/admin\/queue[^"]*from=2[^"]*)"/)
    const next = (await admin.get(more.replaceAll('&amp;', '&'))).text
    assert.ok(next.includes('third') && !next.includes('second'))
    assert.equal((await admin.form(`/admin/operations/${second.json.deploymentId}/cancel`)).headers.location, '/admin/queue')
    assert.equal((await portal.follow(second.json.statusUrl)).last.event, 'cancelled')
    assert.deepEqual((await queue()).waiting.map(({ name }) => name), ['third'])
    await admin.form(`/admin/operations/${third.json.deploymentId}/cancel`)
    await admin.form(`/admin/operations/${first.json.deploymentId}/cancel`)
    await portal.follow(first.json.statusUrl)
  } finally {
    await world.stop()
  }
})

test('leftovers: what, since when, tried when; and a try now', async () => {
  const world = await startAll()
  const { portal, rehearsal } = world
  try {
    await rehearsal.faults([{ at: 'deploy', kind: 'deploy_error', name: 'litter', times: 0 }, { at: 'application.delete', kind: 'status', status: 500, times: 0 }])
    const { answer, last } = await portal.deployed('litter')
    assert.equal(last.data.rolledBack, false)
    const id = answer.json.deploymentId
    const left = async () => (await portal.api('/api/admin/leftovers', as)).json.leftovers
    const [entry] = await left()
    assert.deepEqual([entry.name, entry.deploymentId], ['litter', id])
    assert.ok(entry.since && entry.things.length > 0 && entry.things.every(({ detail }) => detail))
    const attempt = () => portal.api(`/api/admin/leftovers/${id}/try`, { method: 'POST', ...as })
    assert.deepEqual((await attempt()).json, { deploymentId: id, gone: false })
    assert.ok((await left())[0].triedAt)
    await rehearsal.forgetFaults()
    const admin = await logIn(portal)
    assert.ok((await admin.get('/admin/leftovers?search=LITT')).text.includes(`left-${id}`))
    assert.ok(!(await admin.get('/admin/leftovers?search=gold')).text.includes(`left-${id}`))
    assert.equal((await admin.form(`/admin/leftovers/${id}/try`)).headers.location, '/admin/leftovers')
    await until(async () => (await left()).length === 0, 'nothing is left')
    await rehearsal.holdsNothing('litter')
    assert.equal((await attempt()).json.code, 'deployment_unknown')
  } finally {
    await world.stop()
  }
})

test('an edit that is refused is told with its line, and the feed says so', async () => {
  const copy = copyRoot()
  const world = await startAll({ root: copy.root })
  const { portal } = world
  portal.expect(/scripts\.rejected/)
  try {
    const admin = await logIn(portal)
    const stream = await admin.stream()
    const told = (async () => { for await (const { data } of stream) if (data.kind === 'portal') return true })()
    const good = copy.read('scripts/policy/names.lua')
    copy.write('scripts/policy/names.lua', `${good}\nthis is no Lua`)
    const page = await until(async () => { const { text } = await admin.get('/admin'); return text.includes('names.lua:') && text }, 'the page tells of it')
    assert.match(page, /names\.lua:\d+/)
    assert.equal(await told, true)
    assert.match((await portal.api('/api/admin/summary', as)).json.policy.rejected.file, /names\.lua$/)
    copy.write('scripts/policy/names.lua', good)
    await until(async () => !(await admin.get('/admin')).text.includes('names.lua:'), 'the page tells that it is mended')
    stream.close()
  } finally {
    await world.stop()
  }
})
