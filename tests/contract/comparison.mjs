// Compares an answer with the recorded one: the same keys at every depth, the same types, the same
// values except those that are new each time; errors word for word, except issues of validation.
// null may replace a value, or the other way round, where the recordings show both.

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

function typeOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

// Types are collected by position: the procedure and the keys, with [] for any index of a list. A
// row of an application counts as one position wherever it appears.
const positionOf = (position, value) => (
  isObject(value) && 'applicationId' in value && 'refreshToken' in value ? 'application' : position
);

// Position -> the set of types in a version's successful answers.
export function seenTypes(recordings) {
  const seen = new Map();
  const visit = (position, value) => {
    if (!seen.has(position)) seen.set(position, new Set());
    seen.get(position).add(typeOf(value));
    const inside = positionOf(position, value);
    if (Array.isArray(value)) value.forEach((item) => visit(`${inside}[]`, item));
    else if (isObject(value)) {
      Object.entries(value).forEach(([name, item]) => visit(`${inside}.${name}`, item));
    }
  };
  for (const { request, response } of recordings.flatMap(({ exchanges }) => exchanges)) {
    if (response?.status < 300 && response.body !== undefined) {
      visit(request.path.split('?')[0], response.body);
    }
  }
  return seen;
}

// Values that are new each time, or that depend on the recorded machine.
const isVariable = (name) => /(Id|At|Token|Path)$/.test(name)
  || /^(id|appName|timestamp|processedOn|uniqueConfigKey|href|node|containerId)$/.test(name)
  || /^(currentState|accessed.*|total|email|error)$/.test(name);

// Replaces ids, times, digests, random endings and SQL, so that two texts can be compared.
export function neutral(text) {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z/g, 'TIME')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replace(/(Failed query: insert into \\"\w+\\") .*?params: .*?(?=")/g, '$1 STATEMENT')
    .replace(/(?<![\w-])[\w-]{21}(?![\w-])/g, 'ID')
    .replace(/-[a-z0-9]{6}(?![\w])/g, '-ENDING');
}

const unequal = (position, expected, actual) => (
  `${position}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)?.slice(0, 200)}`
);

function keyDifference(position, expected, actual) {
  const missing = Object.keys(expected).filter((name) => !(name in actual));
  const unknown = Object.keys(actual).filter((name) => !(name in expected));
  if (missing.length === 0 && unknown.length === 0) return null;
  return `${position}: missing keys: ${missing.join(', ') || 'none'}; unknown keys: `
    + `${unknown.join(', ') || 'none'}`;
}

export class Comparison {
  constructor(seen) {
    this.seen = seen;
  }

  // The first difference as a sentence, or null.
  difference(position, expected, actual, name = '') {
    const [wanted, got] = [typeOf(expected), typeOf(actual)];
    if (wanted !== got) {
      const isKnown = (wanted === 'null' || got === 'null') && this.seen.get(position)?.has(got);
      return isKnown && isVariable(name) ? null : unequal(position, expected, actual);
    }
    if (wanted === 'array') return this.listDifference(position, expected, actual, name);
    if (wanted === 'object') return this.objectDifference(position, expected, actual);
    return this.valueDifference(position, expected, actual, name);
  }

  objectDifference(position, expected, actual) {
    const inside = positionOf(position, expected);
    const isTrimmed = '...' in expected; // the recording holds only some of the keys
    const names = Object.keys(expected).filter((name) => name !== '...');
    const keys = isTrimmed ? null : keyDifference(inside, expected, actual);
    if (keys) return keys;
    for (const name of names) {
      const found = this.difference(`${inside}.${name}`, expected[name], actual[name], name);
      if (found) return found;
    }
    return null;
  }

  // Recorded lists are trimmed, and some have no defined order: each item must equal one of the
  // recorded items, or have the form of one.
  listDifference(position, expected, actual, name) {
    if (isVariable(name)) return null;
    if ((expected.length === 0) !== (actual.length === 0)) {
      return `${position}: expected ${expected.length} items, got ${actual.length}`;
    }
    const form = new FormComparison(this.seen);
    for (const item of actual) {
      const differs = (comparison) => {
        const found = expected.map((one) => comparison.difference(`${position}[]`, one, item));
        return found.includes(null) ? null : found[0];
      };
      const found = differs(this) && differs(form);
      if (found) return found;
    }
    return null;
  }

  valueDifference(position, expected, actual, name) {
    if (isVariable(name)) return null;
    const isText = typeof expected === 'string';
    const isSame = isText ? neutral(expected) === neutral(actual) : expected === actual;
    return isSame ? null : unequal(position, expected, actual);
  }
}

// Compares keys and types, not values.
class FormComparison extends Comparison {
  listDifference(position, expected, actual, name) {
    if (expected.length === 0 || actual.length === 0) return null;
    return super.listDifference(position, expected, actual, name);
  }

  valueDifference() {
    return null;
  }

  difference(position, expected, actual, name) {
    const isKnown = this.seen.get(position)?.has(typeOf(actual));
    if ((expected === null) !== (actual === null) && isKnown) return null;
    return super.difference(position, expected, actual, name);
  }
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

// Errors must be equal, apart from what neutral() replaces.
export function errorDifference(expected, actual) {
  const text = (body) => neutral(JSON.stringify(sorted(withoutWording(body))));
  const [one, other] = [text(expected), text(actual)];
  return one === other ? null : `error body: expected ${one}, got ${other}`;
}
