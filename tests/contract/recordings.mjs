// The recordings of real servers, as they stand in recordings/VERSION/NN-name.json.
//
// They are trimmed: what is the same in each answer (dates, connection fields) is left out, lists are cut to their first entries, a long
// run of one character is written "xxx...trimmed, 300 chars", the usual headers are left out, and a row of an application holds only what
// differs from application.json.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'recordings');

function long(text) {
  return text.replace(/([^])\1\1\.\.\.trimmed, (\d+) chars/g, (_, character, count) => character.repeat(Number(count)));
}

function whole(value, row) {
  if (typeof value === 'string') return long(value);
  if (Array.isArray(value)) return value.map((item) => whole(item, row));
  if (value === null || typeof value !== 'object') return value;
  if (value.$application) return { ...row, ...whole(value.$application, row) };
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, whole(item, row)]));
}

function usual(method) {
  return method === 'POST' || method === 'PUT' || method === 'PATCH' || method === 'DELETE'
    ? { 'x-api-key': 'TEST-KEY', 'content-type': 'application/json' }
    : { 'x-api-key': 'TEST-KEY' };
}

function exchange(entry, row) {
  const { request } = entry;
  return {
    name: entry.name,
    request: { ...request, path: long(request.path), headers: request.headers ?? usual(request.method), body: whole(request.body, row) },
    response: entry.response && { ...entry.response, body: whole(entry.response.body, row) },
  };
}

export const versions = fs.readdirSync(folder).sort();

// [{ file, exchanges }] in the order in which they were recorded.
export function load(version) {
  const read = (name) => JSON.parse(fs.readFileSync(path.join(folder, version, name), 'utf8'));
  const row = read('application.json');
  return fs.readdirSync(path.join(folder, version)).filter((name) => /^\d/.test(name)).sort()
    .map((name) => ({ file: name.slice(0, 2), title: name, exchanges: read(name).map((entry) => exchange(entry, row)) }));
}
