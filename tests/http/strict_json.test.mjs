// Request bodies are JSON as RFC 8259 has it, or they are refused, with the place; no script ever sees what a lenient reader would make of them.
import { after, before, test } from 'node:test'
import assert from 'node:assert/strict'
import { startAll } from './harness.mjs'

let world, portal
before(async () => {
  world = await startAll()
  portal = world.portal
})
after(() => world.stop())

const post = (body) => portal.api('/api/deploy', { method: 'POST', body, headers: { 'content-type': 'application/json' } })

// What was sent, and where the portal sees the mistake.
const refused = {
  'NaN': ['{"name":NaN}', 1, 9],
  'Infinity': ['{"name":"strict","x":Infinity}', 1, 22],
  '-Infinity': ['{"name":-Infinity}', 1, 9],
  'a hexadecimal number': ['{"name":"strict","x":0x10}', 1, 23],
  'a leading zero': ['{"name":"strict","x":01}', 1, 22],
  'a leading plus': ['{"name":"strict","x":+1}', 1, 22],
  'no digit before the point': ['{"name":"strict","x":.5}', 1, 22],
  'no digit after the point': ['{"name":"strict","x":1.}', 1, 22],
  'a number beyond all doubles': ['{"name":"strict","x":1e999}', 1, 22],
  'a field twice': ['{"name":"strict",\n "name":"other"}', 2, 2],
  'a field twice, once escaped': ['{"name":"strict","\\u006eame":"other"}', 1, 18],
  'a field twice, deep inside': ['{"name":"strict","x":[{"y":1,"y":2}]}', 1, 30],
  'single quotes': ["{'name':'strict'}", 1, 2],
  'no quotes': ['{name:"strict"}', 1, 2],
  'a comma too many': ['{"name":"strict",}', 1, 18],
  'a comment': ['{"name":"strict"/**/}', 1, 17],
  'a second value': ['{"name":"strict"} {}', 1, 19],
  'a byte order mark': ['\ufeff{"name":"strict"}', 1, 1],
  'a raw line break in a string': ['{"name":"str\nict"}', 1, 13],
  'unknown escape': ['{"name":"strict\\x41"}', 1, 17],
  'not UTF-8': [Buffer.from([...Buffer.from('{"name":"strict'), 0xff, ...Buffer.from('"}')]), 1, 16],
  'an overlong slash': [Buffer.from([...Buffer.from('{"name":"strict'), 0xc0, 0xaf, ...Buffer.from('"}')]), 1, 16],
  'a NUL at the end': ['{"name":"strict"}\0', 1, 18],
  'UTF-16': [Buffer.from('{"name":"strict"}', 'utf16le'), 1, 2],
  'too deep': [`{"name":${'['.repeat(100)}${']'.repeat(100)}}`, 1, 108],
}
for (const [what, [body, line, column]] of Object.entries(refused)) {
  test(`refused: ${what}`, async () => {
    const { status, json, text } = await post(body)
    assert.equal(status, 400, text)
    assert.equal(json.code, 'json_invalid')
    assert.match(json.detail, new RegExp(`line ${line}, column ${column}\\b`), json.detail)
  })
}

test('nothing came of any of them', async () => {
  for (const name of ['strict', 'other']) assert.equal((await portal.check(name)).json.available, true, name)
})

test('taken: what is unusual, and JSON all the same', async () => {
  const { status, json, text } = await post(' \r\n\t{ "\\u006eame" : "str\\u0069ct\\u0065r" } \n')
  assert.equal(status, 202, text)
  assert.equal(json.name, 'stricter')
})

test('a whole number that no double holds is told apart', async () => {
  const { status, json } = await post('{"name":9007199254740993}')
  assert.equal(status, 422)
  assert.equal(json.field, 'name')
})
