// Is an answer like the recorded one? Same keys at every depth, same types; null in place of a value (or the other way round) only where
// that was seen somewhere in the recordings; the same values but for what is new each time; errors to the letter.

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

export function typeOf(value) {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

// Where a value stands, for comparing types: the procedure and the path, with [] for each position of a list.
const procedureOf = (exchange) => exchange.request.path.split('?')[0];

// A row of an application is one thing wherever it stands.
const placeOf = (place, value) => (isObject(value) && 'applicationId' in value && 'previewWildcard' in value ? 'application' : place);

// All types that were seen at each place of a version's successful answers.
export function seenTypes(recordings) {
  const seen = new Map();
  const visit = (place, value) => {
    if (!seen.has(place)) seen.set(place, new Set());
    seen.get(place).add(typeOf(value));
    place = placeOf(place, value);
    if (Array.isArray(value)) value.forEach((item) => visit(`${place}[]`, item));
    else if (isObject(value)) Object.entries(value).forEach(([name, item]) => visit(`${place}.${name}`, item));
  };
  for (const { exchanges } of recordings) {
    for (const exchange of exchanges) {
      if (exchange.response?.status < 300 && exchange.response.body !== undefined) visit(procedureOf(exchange), exchange.response.body);
    }
  }
  return seen;
}

// Values that are new each time, or that say how the recorded machine was.
const newEachTime = new RegExp('(Id|At|At2|Ids|Token|Path)$|^(id|appName|key|start|token|timestamp|processedOn|uniqueConfigKey|href|node'
  + '|containerId|currentState|time|requestCount|lastRequest|expirationDate|accessed.*|total|Source|email|enabled|error)$');

const varies = (name) => newEachTime.test(name);

// Ids, times and random name ends, so that two texts can be compared.
export function neutral(text) {
  return text
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3,9}Z/g, 'TIME')
    .replace(/sha256:[0-9a-f]{64}/g, 'DIGEST')
    .replace(/(?<![\w-])[\w-]{21}(?![\w-])/g, 'ID')
    .replace(/-[a-z0-9]{6}(?![\w])/g, '-ENDING');
}

function keysDiffer(place, expected, actual) {
  const missing = Object.keys(expected).filter((name) => !(name in actual));
  const extra = Object.keys(actual).filter((name) => !(name in expected));
  if (missing.length === 0 && extra.length === 0) return null;
  return `${place}: keys differ; missing: ${missing.join(', ') || 'none'}; too many: ${extra.join(', ') || 'none'}`;
}

export class Likeness {
  constructor(seen) {
    this.seen = seen;
  }

  // The first difference as a sentence, or null.
  difference(place, expected, actual, name = '') {
    const [wanted, got] = [typeOf(expected), typeOf(actual)];
    if (wanted !== got && !(this.seen.get(place)?.has(got) && (wanted === 'null' || got === 'null'))) {
      return `${place}: ${wanted} expected, ${got} came (${JSON.stringify(actual)?.slice(0, 200)})`;
    }
    if (wanted !== got) return varies(name) ? null : `${place}: ${JSON.stringify(expected)} expected, ${JSON.stringify(actual)} came`;
    if (wanted === 'array') return this.listDifference(place, expected, actual, name);
    if (wanted === 'object') return this.objectDifference(place, expected, actual);
    return this.valueDifference(place, expected, actual, name);
  }

  objectDifference(place, expected, actual) {
    place = placeOf(place, expected);
    if ('...' in expected) { // the recorder kept only some fields
      const { '...': _, ...kept } = expected;
      actual = Object.fromEntries(Object.keys(kept).map((name) => [name, actual[name]]));
      expected = kept;
    }
    const keys = keysDiffer(place, expected, actual);
    if (keys) return keys;
    for (const name of Object.keys(expected)) {
      const found = this.difference(`${place}.${name}`, expected[name], actual[name], name);
      if (found) return found;
    }
    return null;
  }

  // Recorded lists are cut, and some have no defined order: an item must be like one of the recorded.
  listDifference(place, expected, actual, name) {
    if (varies(name)) return null;
    if ((expected.length === 0) !== (actual.length === 0)) return `${place}: ${expected.length} items expected, ${actual.length} came`;
    for (const item of actual) {
      const found = expected.map((one) => this.difference(`${place}[]`, one, item));
      const shape = found.every((each) => each !== null) && this.shapeDifference(place, expected, item);
      if (shape) return shape;
    }
    return null;
  }

  // Items whose values are of their own (other names, other states) need only the shape.
  shapeDifference(place, expected, item) {
    const found = expected.map((one) => new ShapeOnly(this.seen).difference(`${place}[]`, one, item));
    return found.every((each) => each !== null) ? found[0] : null;
  }

  valueDifference(place, expected, actual, name) {
    if (varies(name)) return null;
    const same = typeof expected === 'string' ? neutral(expected) === neutral(actual) : expected === actual;
    return same ? null : `${place}: ${JSON.stringify(expected)} expected, ${JSON.stringify(actual)} came`;
  }
}

class ShapeOnly extends Likeness {
  listDifference(place, expected, actual, name) {
    return expected.length === 0 || actual.length === 0 ? null : super.listDifference(place, expected, actual, name);
  }

  valueDifference() {
    return null;
  }

  difference(place, expected, actual, name) {
    if ((expected === null) !== (actual === null) && this.seen.get(place)?.has(typeOf(actual))) return null;
    return super.difference(place, expected, actual, name);
  }
}

// An error's body: everything the same, texts with what is new each time taken out.
export function errorDifference(expected, actual) {
  const [one, other] = [expected, actual].map((body) => neutral(JSON.stringify(sorted(body))));
  return one === other ? null : `error body: ${one} expected, ${other} came`;
}

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]));
}
