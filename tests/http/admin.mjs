// admin: the admin's browser, for tests: logs in, sends the forms that a page shows.
import assert from 'node:assert/strict'
import { ADMIN } from './harness.mjs'

export const own = { 'sec-fetch-site': 'same-origin' }
const csrfOf = (page) => page.text.match(/<input[^>]*name="csrf"[^>]*>/)[0].match(/value="([^"]+)"/)[1]
export const cookieOf = (answer) => answer.headers['set-cookie']?.find((cookie) => /admin=/.test(cookie))

const send = (portal, path, fields, headers) => portal.api(path, {
  method: 'POST', body: new URLSearchParams(fields).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
})

// Sends the log-in's form, with the token that its page brought.
export async function tryToken(portal, token, { next = '/admin', headers = own, ...fields } = {}) {
  const page = await portal.api('/admin/login')
  return send(portal, '/admin/login', { csrf: csrfOf(page), username: 'admin', token, next, ...fields }, headers)
}

// An admin who has logged in: get(path), form(path, fields) with the token of his page, cookie.
export async function logIn(portal, token = ADMIN) {
  const answer = await tryToken(portal, token)
  assert.equal(answer.status, 303, answer.text)
  const cookie = cookieOf(answer).split(';')[0]
  const get = (path, options = {}) => portal.api(path, { ...options, headers: { cookie, ...options.headers } })
  const csrf = csrfOf(await get('/admin'))
  return {
    answer, cookie, csrf, get,
    form: (path, fields = {}, headers = {}) => send(portal, path, { csrf, ...fields }, { cookie, ...own, ...headers }),
    stream: (path = '/api/admin/events', options = {}) => portal.stream(path, { ...options, headers: { cookie, ...options.headers } }),
  }
}
