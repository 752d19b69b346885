// Reads the recordings of real servers: recordings/VERSION/NN-name.json, exchanges with the
// procedures that the rehearsal has.
//
// They are trimmed: lists to their first entries; an object with the key "..." to some of its keys;
// a long run of one character to "xxx...trimmed, 300 chars"; the usual request headers and headers
// that are the same in each answer are left out; a row of an application ("$application") holds
// what differs from application.json.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'recordings');

function restoredText(text) {
  const run = /([^])\1\1\.\.\.trimmed, (\d+) chars/g;
  return text.replace(run, (_, character, count) => character.repeat(Number(count)));
}

function restored(value, row) {
  if (typeof value === 'string') return restoredText(value);
  if (Array.isArray(value)) return value.map((item) => restored(item, row));
  if (value === null || typeof value !== 'object') return value;
  if (value.$application) return { ...row, ...restored(value.$application, row) };
  const entries = Object.entries(value).map(([name, item]) => [name, restored(item, row)]);
  return Object.fromEntries(entries);
}

function usualHeaders(method) {
  const headers = { 'x-api-key': 'TEST-KEY' };
  if (method !== 'GET' && method !== 'OPTIONS') headers['content-type'] = 'application/json';
  return headers;
}

function exchange({ name, request, response }, row) {
  const { method, path: target, headers = usualHeaders(method), body } = request;
  return {
    name,
    request: { method, path: restoredText(target), headers, body: restored(body, row) },
    response: response && { ...response, body: restored(response.body, row) },
  };
}

export const versions = fs.readdirSync(folder)
  .sort((one, other) => one.localeCompare(other, 'en', { numeric: true }));

// The recorded version to compare a server with: its own, or the newest that is older.
export function nearest(version) {
  const isNewer = (one) => one.localeCompare(version, 'en', { numeric: true }) > 0;
  return versions.filter((one) => !isNewer(one)).at(-1) ?? versions[0];
}

// A version's recordings { number: '05', title, exchanges } in the order in which they were made.
export function load(version, from = folder) {
  const read = (name) => JSON.parse(fs.readFileSync(path.join(from, version, name), 'utf8'));
  const row = read('application.json');
  const names = fs.readdirSync(path.join(from, version)).filter((name) => /^\d/.test(name));
  return names.sort().map((name) => ({ number: name.slice(0, 2), title: name,
    exchanges: read(name).map((entry) => exchange(entry, row)) }));
}

function trimmedText(text) {
  const run = /([^])\1{199,}/g;
  return text.replace(run, (all, one) => `${one.repeat(3)}...trimmed, ${all.length} chars`);
}

// The reverse of restored().
function trimmed(value, row) {
  if (typeof value === 'string') return trimmedText(value);
  if (Array.isArray(value)) return value.map((item) => trimmed(item, row));
  if (value === null || typeof value !== 'object') return value;
  const isRow = Object.keys(row).every((name) => name in value);
  const entries = Object.entries(value)
    .filter(([name, item]) => !isRow || JSON.stringify(item) !== JSON.stringify(row[name]))
    .map(([name, item]) => [name, trimmed(item, row)]);
  return isRow ? { $application: Object.fromEntries(entries) } : Object.fromEntries(entries);
}

// Writes recordings as load() reads them, with the application's columns of `like`, a version.
export function save(version, recordings, like, to = folder) {
  const target = path.join(to, version);
  const columns = fs.readFileSync(path.join(folder, like, 'application.json'), 'utf8');
  const row = JSON.parse(columns);
  fs.mkdirSync(target, { recursive: true });
  fs.writeFileSync(path.join(target, 'application.json'), columns);
  for (const { title, exchanges } of recordings) {
    const lines = exchanges.map(({ name, request, response }) => {
      const { method, path: where, headers, body } = request;
      const isUsual = JSON.stringify(headers ?? usualHeaders(method))
        === JSON.stringify(usualHeaders(method));
      const kept = { method, path: trimmedText(where), ...(isUsual ? {} : { headers }) };
      if (body !== undefined) kept.body = trimmed(body, row);
      const answer = response && { ...response };
      if (response?.body !== undefined) answer.body = trimmed(response.body, row);
      return JSON.stringify({ name, request: kept, response: answer });
    });
    fs.writeFileSync(path.join(target, title), `[\n${lines.join(',\n')}\n]\n`);
  }
}
