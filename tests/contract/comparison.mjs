// Compares an answer with the recorded one: the same keys at every depth, the same types, the same
// values except those that are new each time; errors word for word, except issues of validation.

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

function typeOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

// Values that are new each time, or that depend on the recorded machine; they may also be null.
export const isVariable = (name) => /(Id|At|Token|Path)$/.test(name)
  || /^(id|appName|timestamp|processedOn|uniqueConfigKey|node|currentState|total)$/.test(name)
  || /^(email|error|buildsConcurrency)$/.test(name);

// Replaces ids, times, digests, random endings, numbers of routers and SQL, so that two texts can
// be compared.
export function neutral(text) {
  return text
    .replace(/\d{4}-\d\d-\d\d[T:]\d\d:\d\d:\d\d(\.\d{3,9}Z)?/g, 'TIME')
    .replace(/(-router|-service)(-websecure)?-\d+/g, '$1$2-NUMBER')
    .replace(/^Up [\w ]+( \(health[\w: ]*\))?$/, 'Up')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replace(/(Failed query: insert into \\"\w+\\") .*?params: .*?(?=")/g, '$1 STATEMENT')
    .replace(/(?<![\w-])[\w-]{21}(?![\w-])/g, 'ID')
    .replace(/-[a-z0-9]{6}(\.1\.[a-z0-9]{25})?(?![\w])/g, '-ENDING');
}

function keyDifference(position, expected, actual) {
  if ('...' in expected) return null; // the recording holds only some of the keys
  const missing = Object.keys(expected).filter((name) => !(name in actual));
  const unknown = Object.keys(actual).filter((name) => !(name in expected));
  if (missing.length === 0 && unknown.length === 0) return null;
  return `${position}: missing keys: ${missing.join(', ')}; unknown keys: ${unknown.join(', ')}`;
}

function isSameValue(expected, actual) {
  if (typeof expected === 'string') return neutral(expected) === neutral(actual);
  return expected === actual;
}

// One comparison; as a comparison of forms, values do not count, and any text may be null.
class Comparison {
  constructor(isOfForms) {
    this.isOfForms = isOfForms;
  }

  difference(position, expected, actual, name = '') {
    const [wanted, got] = [typeOf(expected), typeOf(actual)];
    const isEqual = wanted === got && (this.isOfForms || isSameValue(expected, actual));
    if (wanted === got && wanted === 'array') {
      return this.listDifference(position, expected, actual);
    }
    if (wanted === got && wanted === 'object') {
      return this.objectDifference(position, expected, actual);
    }
    const isNullable = (isVariable(name) || this.isOfForms) && [wanted, got].includes('null');
    if (isEqual || isNullable || (wanted === got && isVariable(name))) return null;
    const texts = [expected, actual].map((value) => JSON.stringify(value)?.slice(0, 200));
    return `${position}: expected ${texts[0]}, got ${texts[1]}`;
  }

  objectDifference(position, expected, actual) {
    const keys = keyDifference(position, expected, actual);
    if (keys) return keys;
    for (const name of Object.keys(expected).filter((each) => each !== '...')) {
      const value = this.difference(`${position}.${name}`, expected[name], actual[name], name);
      if (value) return value;
    }
    return null;
  }

  // Recorded lists are trimmed, and some have no defined order: each item must have the form of a
  // recorded one. A single item must also have its values.
  listDifference(position, expected, actual) {
    if (expected.length === 0 && actual.length === 0) return null;
    if (expected.length === 0 || actual.length === 0) {
      if (this.isOfForms) return null;
      return `${position}: expected ${expected.length} items, got ${actual.length}`;
    }
    if (expected.length === 1 && actual.length === 1) {
      return this.difference(`${position}[]`, expected[0], actual[0]);
    }
    for (const item of actual) {
      const found = expected.map((one) => byForm.difference(`${position}[]`, one, item));
      if (!found.includes(null)) return found[0];
    }
    return null;
  }
}

const byForm = new Comparison(true);

// The first difference between two values as a sentence, or null.
export function valueDifference(position, expected, actual) {
  return new Comparison(false).difference(position, expected, actual);
}

// The same, of their forms alone.
export function formDifference(position, expected, actual) {
  return byForm.difference(position, expected, actual);
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}

// Issues of validation count by their fields; zod words them differently in each version.
function withoutWording(body) {
  if (!Array.isArray(body.issues)) return body;
  const fields = [...new Set(body.issues.map(({ path }) => path.join('.')))].sort();
  const { zodError, ...data } = body.data ?? {};
  const fieldErrors = Object.keys(zodError?.fieldErrors ?? {}).sort();
  return { ...body, issues: fields, data, fieldErrors };
}

// The difference between the bodies of two errors, or null.
export function errorDifference(expected, actual) {
  const text = (body) => neutral(JSON.stringify(sorted(withoutWording(body))));
  const [one, other] = [text(expected), text(actual)];
  return one === other ? null : `error body: expected ${one}, got ${other}`;
}
