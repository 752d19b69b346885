// Makes answers of a server fit to be kept: what is new each time (ids, times, names in Docker) and
// what is secret becomes what an older recording has in its place, or a placeholder that is the
// same in each run.
import { isVariable, neutral } from './comparison.mjs';

const TIME = /\d{4}-\d\d-\d\d([T:])\d\d:\d\d:\d\d(\.\d+)?/g; // in rows, and in names of logs
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
const isSecret = (name) => /password|secret|token|key$/i.test(name);

export class Placeholders {
  #known; // text of the server -> what is written in its place

  #count = 0;

  // `replacements`: pairs of such texts.
  constructor(replacements) {
    this.#known = new Map(replacements.filter(([own]) => own));
  }

  // Gives ids and names in Docker that are not known yet a placeholder, in order.
  learn(value, name = '') {
    if (Array.isArray(value)) {
      for (const item of value) this.learn(item);
    } else if (isObject(value)) {
      for (const key of Object.keys(value).sort()) this.learn(value[key], key);
    } else if (typeof value === 'string' && !this.#known.has(value)) {
      const isId = /Id$|^id$/.test(name) && value.length >= 12;
      const isName = name === 'appName' && /-[a-z0-9]{6}$/.test(value);
      if (!isId && !isName) return;
      this.#count += 1;
      const written = isId ? String(this.#count).padStart(value.length, '0')
        : this.text(value).replace(/.{6}$/, String(this.#count).padStart(6, 'a'));
      this.#known.set(value, written);
    }
  }

  // A text without what is new each time.
  text(value) {
    let found = value;
    const longestFirst = [...this.#known].sort(([one], [other]) => other.length - one.length);
    for (const [own, written] of longestFirst) found = found.replaceAll(own, written);
    const midnight = (_, letter, part) => `2026-01-01${letter}00:00:00${part ? '.000' : ''}`;
    return found.replace(TIME, midnight).replace(/(PASSWORD=\\?")[^"\\]+/g, '$1SECRET')
      .replace(/(-router|-service)(-websecure)?-\d+/g, '$1$2-1');
  }

  #text(value, like, name) {
    if (this.#known.has(value)) return this.#known.get(value);
    const isSame = typeof like === 'string'
      && ((isVariable(name) && !name.endsWith('Path')) || neutral(like) === neutral(value));
    if (isSame) return like;
    return value !== '' && isSecret(name) ? 'SECRET' : this.text(value);
  }

  // A value fit to be kept, trimmed as `like`, an older one, is: lists to as many items, objects
  // with the key "..." to the same keys.
  value(value, like, name = '') {
    if (typeof value === 'string') return this.#text(value, like, name);
    if (Array.isArray(value)) {
      const items = Array.isArray(like) ? like : [];
      return value.slice(0, Math.max(1, items.length))
        .map((item, i) => this.value(item, items[i] ?? items[0]));
    }
    if (isObject(value)) return this.#object(value, isObject(like) ? like : {});
    return typeof value === 'number' && isVariable(name) ? Number(like ?? 1) : value;
  }

  #object(value, like) {
    const isTrimmed = '...' in like;
    const entries = Object.entries(value).filter(([key]) => !isTrimmed || key in like)
      .map(([key, item]) => [key, this.value(item, like[key], key)]);
    return Object.fromEntries(isTrimmed ? [...entries, ['...', like['...']]] : entries);
  }
}
