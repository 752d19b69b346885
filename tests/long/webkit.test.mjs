// The portal in WebKit, the engine of Safari, on plain HTTP at this machine's own names, where it
// drops cookies that Chromium keeps.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { ADMIN, useWorld } from '../http/harness.mjs'
import { needs } from './programs.mjs'
import { PROGRAMS, inWebKit } from './webkit_browser.mjs'

describe('WebKit', needs(...PROGRAMS), () => {
  const { portal } = useWorld()
  const origins = () => ['localhost', '127.0.0.1'].map((host) => `http://${host}:${portal.port}`)

  async function logIn(session, origin) {
    await session.open(`${origin}/admin`)
    await session.type('#token', ADMIN)
    await session.click('form.login [type=submit]')
    await session.find('.admin-nav, nav a[href^="/admin/stacks"]')
  }

  async function deploy(session, name) {
    await session.type('#name', name)
    await session.find('#check.good')
    await session.click('#deploy')
    await session.find('#job.ready #password')
  }

  test('the admin logs in, on both names of this machine', inWebKit(async (session) => {
    for (const origin of origins()) await logIn(session, origin)
  }))

  test('a visitor deploys, reloads, comes back and deletes', inWebKit(async (session) => {
    const [origin] = origins()
    await session.open(origin)
    await deploy(session, 'by-webkit')
    await session.open(await session.address()) // a reload
    await session.find('#job.ready #password')

    await session.open(`${origin}/stack/by-webkit`)
    await session.find('#delete-open')
    await session.open(origin)
    await deploy(session, 'by-webkit-too')
    const owners = new Set((await portal.api('/api/stacks', { key: ADMIN })).json.stacks
      .filter((it) => it.name.startsWith('by-webkit')).map((it) => it.ownerId))
    assert.equal(owners.size, 1, 'the second deployment has the same owner')

    await session.click('#delete-open')
    await session.type('#delete input[required]', 'by-webkit-too')
    await session.click('#delete .danger')
    await session.find('#job.deleted')
  }))

  test('another device uses the key, and a third has no access', inWebKit(async (session) => {
    const [origin] = origins()
    const { key } = await portal.ready('of-another')
    await session.open(`${origin}/stack/of-another`)
    assert.equal(await session.run('return document.querySelector("#delete-open")'), null)
    const { json } = await portal.post('/api/owner/link', undefined, { key })
    await session.open(origin + json.link)
    await session.click('form [type=submit]')
    await session.find('#name') // the start page, as its owner
    await session.open(`${origin}/stack/of-another`)
    await session.find('#delete-open')
  }))
})
