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

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'recordings');

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

export const versions = fs.readdirSync(folder).sort();

// A version's recordings { number: '05', title, exchanges } in the order in which they were made.
export function load(version) {
  const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, version, name), 'utf8'));
  const row = read('application.json');
  const names = fs.readdirSync(path.join(folder, version)).filter((name) => /^\d/.test(name));
  return names.sort().map((name) => ({ number: name.slice(0, 2), title: name,
    exchanges: read(name).map((entry) => exchange(entry, row)) }));
}
