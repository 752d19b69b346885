// Limits and templates of an installation (site/policy): quotas by group, and what is refused
// before it can be in force.
import { describe, test } from 'node:test'
import assert from 'node:assert/strict'
import { useWorld } from './harness.mjs'
import { siteOf } from './site.mjs'

describe('quotas by group', () => {
  const limits = `return { quotas = {
    owner = 2, groups = { students = { owner = 1 }, staff = { owner = 3 } },
  } }
`
  const step = `return { after = "project", run = function(ctx)
    local owner = ctx.owner
    ctx:log(("%s %s %s %s"):format(owner.kind, owner.name, owner.email, owner.groups.students))
    return true
  end }
`
  const { portal } = useWorld({
    env: {
      ...siteOf({ 'policy/limits.lua': limits, 'steps/owner.lua': step }).env,
      ACCESS: 'forward-auth', TRUSTED_PROXIES: '127.0.0.1',
    },
  })
  // How many workspaces a person gets, and why not more.
  async function most(user, groups) {
    const headers = {
      'remote-user': user, 'remote-groups': groups, 'remote-email': `${user}@example.com`,
    }
    for (let n = 0; n < 5; n++) {
      const answer = await portal.deploy(`${user}-${n}`, { headers })
      if (answer.status !== 202) return [n, answer.status, answer.json.code]
      const { events } = await portal.finish(answer, 'ready')
      const lines = events.filter(({ event }) => event === 'log').map(({ data }) => data.line)
      const isMember = groups.includes('students') ? 'true' : 'nil'
      assert.ok(lines.includes(`user ${user} ${user}@example.com ${isMember}`), lines.join('\n'))
    }
    return 'no limit'
  }

  test('hold instead of the usual one, the largest of several groups', async () => {
    assert.deepEqual(await most('anna', ''), [2, 403, 'quota_owner'])
    assert.deepEqual(await most('bert', 'students'), [1, 403, 'quota_owner'])
    assert.deepEqual(await most('cleo', 'students,staff'), [3, 403, 'quota_owner'])
  })
})

test('what does not fit is refused by --check, with file, key and cure', () => {
  const limits = 'site/policy/limits.lua: '
  const templates = 'site/policy/templates.lua: '
  const cases = [
    ['limits', '{ quotas = { owner = "five" } }', `${limits}quotas.owner: invalid value "five"`],
    ['limits', '{ quotas = { owner = -1 } }', `${limits}quotas.owner: invalid value "-1"`],
    ['limits', '{ quota = {} }', `${limits}quota: unknown key (known here: classes, events_kept`],
    ['limits', '{ lifetimes = { after = { large = "1 day" } } }',
      `${limits}lifetimes.after.large: there is no template`],
    ['templates', '{ { id = "large", memory = "8 GiBB" } }',
      `${templates}[1].memory: invalid value "8 GiBB" (write a size of 1 GiB or more`],
    ['templates', '{ { id = "large", memory = -1 } }',
      `${templates}[1].memory: invalid value "-1"`],
    ['templates', '{ { id = "large" }, { id = "large" } }', `${templates}[2].id: "large" is there`],
    ['templates', '{ { id = "large", title = { en = "L", nl = "G" } } }',
      `${templates}[1].title: has no text in the language ar (write ar = "...")`],
    ['templates', '{ { id = "large", paramters = {} } }',
      `${templates}[1].paramters: unknown key (known here: about, cpu_nanos`],
    ['templates', '{ { id = "large", parameters = { { id = "key", kind = "secret" } } } }',
      `${templates}[1].parameters[1].variable: is missing (a secret goes into`],
  ]
  for (const [file, table, expected] of cases) {
    const { status, text } = siteOf({ [`policy/${file}.lua`]: `return ${table}\n` }).check()
    assert.notEqual(status, 0, table)
    assert.ok(text.includes(expected), `${expected}\n${text}`)
  }
})
