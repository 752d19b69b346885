// What the page says, in its language: the texts and settings that the server wrote into it.
const read = (id) => JSON.parse(document.getElementById(id).textContent);

export const settings = read("settings");
export const language = document.documentElement.lang;
const texts = read("texts");
const rightToLeft = document.documentElement.dir === "rtl";
const locale = language === "ar" ? "ar-u-nu-latn" : language; // server texts write 1, 2, 3 in every language

// A name or an address inside a right-to-left sentence keeps its own direction.
const isolate = (value) => (rightToLeft ? `\u2068${value}\u2069` : String(value));

const plural = new Intl.PluralRules(language);

/** The text of a key, with {placeholders} filled in; a text with a {count} in the form that goes with it. */
export function t(key, args = {}) {
  const text = texts[key] ?? texts[`${key}.${plural.select(args.count ?? 0)}`] ?? texts[`${key}.other`] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in args ? isolate(args[name]) : whole));
}

const unit = (value, of, display) =>
  new Intl.NumberFormat(locale, { style: "unit", unit: of, unitDisplay: display, maximumFractionDigits: 0 }).format(value);

/** 75 seconds as "1m 15s", or as "about a minute" would want it: "1 minute". */
export function duration(seconds, display = "narrow") {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60 || (display === "long" && whole < 90)) return unit(whole, "second", display);
  if (display === "long") return unit(Math.round(whole / 60), "minute", display);
  return `${unit(Math.floor(whole / 60), "minute", display)} ${unit(whole % 60, "second", display)}`;
}

export const percent = (value) => new Intl.NumberFormat(locale, { style: "percent" }).format(value / 100);
export const number = (value) => new Intl.NumberFormat(locale).format(value);
// Not dateStyle: its medium writes months as numbers in some languages.
const MOMENT = { day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit" };
export const moment = (time) => new Intl.DateTimeFormat(locale, MOMENT).format(time);

const SPANS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12], ["year", Infinity]];

/** A time that is past, as one speaks of it: "3 hours ago", "yesterday". */
export function ago(time, from = Date.now()) {
  let value = Math.max(0, (from - time) / 1000);
  const [unit] = SPANS.find(([, most]) => value < most || ((value /= most), false));
  return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(unit === "second" ? 0 : -Math.floor(value), unit);
}

/** Where a stack of this name will answer. */
export function address(name) {
  const { scheme, suffix, port } = settings;
  return `${scheme}://${name}.${suffix}${port ? `:${port}` : ""}`;
}
