// The admin's browser: logs in and sends the forms that a page shows.
import assert from 'node:assert/strict'
import { ADMIN } from './harness.mjs'

export const own = { 'sec-fetch-site': 'same-origin' }
export const csrfOf = ({ text }) =>
  text.match(/<input[^>]*name="csrf"[^>]*>/)[0].match(/value="([^"]+)"/)[1]
export const cookieOf = ({ headers }, name = 'admin') =>
  headers['set-cookie']?.find((cookie) => cookie.includes(`${name}-`))

// Sends the log-in form, with the token of its page.
export async function tryToken(portal, token, { next = '/admin', headers = own, ...fields } = {}) {
  const csrf = csrfOf(await portal.api('/admin/login'))
  const form = { csrf, username: 'admin', token, next, ...fields }
  return portal.post('/admin/login', undefined, { form, headers })
}

// An admin who has logged in: get(path), form(path, fields), stream().
export async function logIn(portal, token = ADMIN) {
  const answer = await tryToken(portal, token)
  assert.equal(answer.status, 303, answer.text)
  const cookie = cookieOf(answer).split(';')[0]
  const get = (path, options = {}) =>
    portal.api(path, { ...options, headers: { cookie, ...options.headers } })
  const csrf = csrfOf(await get('/admin'))
  return {
    answer, cookie, csrf, get,
    form: (path, fields = {}, headers = {}) => portal.post(path, undefined, {
      form: { csrf, ...fields }, headers: { cookie, ...own, ...headers },
    }),
    stream: (path = '/api/admin/events') => portal.stream(path, { headers: { cookie } }),
  }
}
