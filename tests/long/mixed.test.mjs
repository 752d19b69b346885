// Random requests, streams, resets and reloads at once, on a few connections each: the state of one
// must never harm another. A seed repeats the choices (not the times): SEED=; MIXED_SECONDS=600 for
// a long run, best with `make asan FAMILIES=long T=mixed`.
import { test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, PATIENCE, seconds, until, useWorld } from '../http/harness.mjs'
import { Wire } from '../http/wire.mjs'
import { cases } from '../http/wire_cases.mjs'

const SECONDS = Number(process.env.MIXED_SECONDS ?? 20)
const SEED = Number(process.env.SEED ?? Date.now() % 1000000)
const ACTORS = 12 // at a time

// A small generator, so that a seed gives the same choices.
function chance(seed) {
  let state = seed >>> 0
  const next = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor(state / 4294967296 * n)
  }
  return { next, pick: (list) => list[next(list.length)] }
}

// Changes some bytes as a broken or hostile client would: flipped, cut, doubled, spliced.
function mutated({ next, pick }, bytes, all) {
  for (let i = next(4); i > 0 && bytes; i--) {
    const at = next(bytes.length)
    bytes = pick([
      () => bytes.slice(0, at) + String.fromCharCode(next(256)) + bytes.slice(at + 1),
      () => bytes.slice(0, at),
      () => bytes.slice(0, at) + bytes.slice(Math.max(0, at - next(80))),
      () => bytes.slice(0, at) + pick(all).slice(next(40)),
      () => bytes + pick(all),
    ])()
  }
  return bytes
}

// Under sanitizers on a busy machine a reload takes more than the usual second.
const edits = {
  'config.lua': (text) => text.replace('script_seconds = 1,', 'script_seconds = 60,'),
}
const { portal, rehearsal } = useWorld({ speed: 200, edits })

class Mix {
  constructor(random) {
    Object.assign(this, { random, owned: [], count: {}, statusUrls: ['/api/status/unknown'] })
    this.requests = cases(`127.0.0.1:${portal.port}`).map(([, bytes]) => bytes)
  }

  done(what) { this.count[what] = (this.count[what] ?? 0) + 1 }

  // Bytes that are a request, nearly one or none, in pieces; then it waits, ends or breaks off.
  async bytes() {
    const { next, pick } = this.random
    const wire = new Wire(portal.port)
    const size = pick([1, 7, 100, 100000])
    await wire.send(mutated(this.random, pick(this.requests), this.requests).slice(0, 4000), size)
    if (next(3) === 0) {
      wire.socket.resetAndDestroy()
      return this.done('reset')
    }
    wire.socket.end()
    while (!wire.ended) await wire.more(seconds(60))
    assert.ok(!/^HTTP\/1\.1 50[02]/m.test(wire.text), wire.text)
    wire.close()
    this.done('bytes')
  }

  // What a visitor or an owner does.
  async deploy() {
    const { status, json } = await portal.deploy(`mix-${this.random.next(40)}`)
    assert.ok([202, 409, 429, 503].includes(status), `${status} ${JSON.stringify(json)}`)
    if (status === 202) {
      this.owned.push({ name: json.name, key: json.ownerKey, id: json.deploymentId })
      this.statusUrls.push(json.statusUrl)
    }
    this.done(`deploy ${status}`)
  }

  async act() {
    const { pick } = this.random
    const mine = pick(this.owned)
    if (!mine) return
    const { name, key, id } = mine
    const { status } = await pick([
      () => portal.act(name, 'restart', { key }),
      () => portal.remove(name, { key }),
      () => portal.cancel(id, { key }),
      () => portal.stack(name, { key }),
      () => portal.post('/api/owner/link', undefined, { key }),
    ])()
    assert.ok(status < 500 || status === 503, `${status}`)
    this.done('act')
  }

  // A stream is read for a while and dropped in any state, or read to its end.
  async stream() {
    const { next, pick } = this.random
    const path = pick([...this.statusUrls, '/api/admin/events'])
    const stream = await portal.stream(path, { key: path.includes('admin') ? ADMIN : undefined })
    let left = next(12)
    const timer = setTimeout(() => stream.close(), next(500))
    for await (const event of stream) {
      assert.ok(event.id > 0 || path.includes('admin'), JSON.stringify(event))
      if (left-- === 0) stream.close()
    }
    clearTimeout(timer)
    stream.close()
    this.done('stream')
  }

  async reload() {
    portal.child.kill('SIGHUP')
    this.done('reload')
  }

  async health() {
    const start = performance.now()
    const { status } = await portal.api('/health')
    assert.equal(status, 200)
    const took = performance.now() - start
    assert.ok(took < seconds(5), `/health took ${took} ms`)
    this.done('health')
  }

  async actor(end) {
    const kinds = ['deploy', 'act', 'health', 'stream', 'stream', ...Array(4).fill('bytes')]
    while (Date.now() < end) {
      await this[this.random.next(200) === 0 ? 'reload' : this.random.pick(kinds)]()
    }
  }
}

test(`SEED=${SEED}: ${SECONDS} s of everything at once`, async (t) => {
  const mix = new Mix(chance(SEED))
  const end = Date.now() + SECONDS * 1000
  await Promise.all(Array.from({ length: ACTORS }, () => mix.actor(end)))
  t.diagnostic(JSON.stringify(mix.count))

  assert.equal(portal.ended, null, 'it runs')
  const operations = (await portal.api('/api/admin/operations?limit=200', { key: ADMIN })).json
  assert.ok(operations.operations.length > 0)
  const isOver = async ({ id }) => {
    const { json } = await portal.status(`/api/status/${id}`)
    return ['ready', 'failed', 'cancelled', 'deleted', 'done'].includes(json.state)
  }
  for (const it of mix.owned) await until(() => isOver(it), `${it.name} ends`, seconds(60))
  const { projects } = await rehearsal.state()
  const { json: { total } } = await portal.api('/api/stacks?limit=1', { key: ADMIN })
  if (total !== undefined) assert.equal(projects.length, total, 'no project without a workspace')
  const open = /^deployer_connections(?:_open)? (\d+)/m
    .exec((await portal.api('/metrics', { key: ADMIN })).text)
  if (open && PATIENCE === 1) assert.ok(Number(open[1]) < 20, `${open[1]} connections are left`)
})
