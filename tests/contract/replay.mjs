// Sends recorded requests again, to the rehearsal or to a real server, and compares the answers.
import { errorDifference, valueDifference } from './comparison.mjs';
import { before, settlesAfter } from './scenes.mjs';

// A server, of a class such as Double, on which recordings are replayed.
export const replaying = (Server) => class extends Server {
  learned = new Map(); // recorded id or name -> the server's own

  answers = new Map(); // name of an exchange -> the server's answer

  // Waits for a state. A deadline, not a number of tries: a starved double answers few of them.
  async until(reached) {
    const end = Date.now() + 60000;
    while (Date.now() < end) {
      if (reached(await this.state())) return;
    }
    throw new Error('the double did not reach the expected state within 60 s');
  }

  learn(recorded, own) {
    this.learned.set(recorded, own);
  }

  answer(name) {
    return this.answers.get(name);
  }

  // A recorded value with the server's own ids in place of the recorded ones.
  translate(value) {
    if (typeof value === 'string') return this.learned.get(value) ?? value;
    if (Array.isArray(value)) return value.map((item) => this.translate(item));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value).map(([name, item]) => [name, this.translate(item)]);
    return Object.fromEntries(entries);
  }

  // Learns what is new each time: ids and names in Docker.
  pair(recorded, own) {
    if (Array.isArray(recorded) && Array.isArray(own)) {
      recorded.forEach((item, i) => this.pair(item, own[i]));
    } else if (recorded && own && typeof recorded === 'object' && typeof own === 'object') {
      for (const [name, value] of Object.entries(recorded)) {
        const isNew = /Id$|^(id|appName)$/.test(name) && typeof value === 'string';
        if (isNew && typeof own[name] === 'string') this.learn(value, own[name]);
        else this.pair(value, own[name]);
      }
    }
  }

  // Sends one recorded request again.
  repeat({ request, response }) {
    const { method, path, headers, body } = request;
    const isText = body === undefined || typeof body === 'string';
    return this.send({ method, headers,
      path: path.replace(/=([^&]+)/g, (_, value) => `=${this.translate(value)}`),
      body: isText ? body : JSON.stringify(this.translate(body)),
      timeout: response ? undefined : 1000 });
  }

  // Replays one recording, in order; calls visit(exchange, answer) for each.
  async replay(recording, visit) {
    for (const exchange of recording.exchanges) {
      await before[recording.number]?.(this, exchange);
      const answer = await this.repeat(exchange);
      visit(exchange, answer);
      if (answer && exchange.response?.body && answer.status === exchange.response.status) {
        this.answers.set(exchange.name, parsed(answer));
        this.pair(exchange.response.body, parsed(answer));
      }
      if (settlesAfter(recording.number, exchange)) await this.settle();
    }
  }
};

// The body of an answer; undefined when it is empty.
export function parsed(answer) {
  if (answer.text === '') return undefined;
  const isJson = /json/.test(answer.headers['content-type'] ?? '');
  return isJson ? JSON.parse(answer.text) : answer.text;
}

// The first difference between the recorded response and the answer, or null.
export function difference(exchange, answer) {
  const recorded = exchange.response;
  if (recorded === null || answer === null) {
    return recorded === answer ? null : `${recorded ? 'an answer' : 'no answer'} was expected`;
  }
  if (answer.status !== recorded.status) {
    return `status ${recorded.status} expected, got ${answer.status}: ${answer.text.slice(0, 300)}`;
  }
  const body = parsed(answer);
  const type = answer.headers['content-type'];
  if (/json/.test(recorded.type ?? '') && type !== recorded.type) return `Content-Type: ${type}`;
  if (recorded.body === undefined && body === undefined) return null;
  if (recorded.body === undefined || body === undefined) {
    return `body: expected ${JSON.stringify(recorded.body)}, got ${answer.text}`;
  }
  if (recorded.status >= 400) return errorDifference(recorded.body, body);
  return valueDifference(exchange.request.path.split('?')[0], recorded.body, body);
}
