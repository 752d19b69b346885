// Texts in the page's language, and how that language writes numbers and times.
export const language = document.documentElement.lang;
const texts = JSON.parse(document.getElementById("texts").textContent);
const isRightToLeft = document.documentElement.dir === "rtl";
// The server writes 1, 2, 3 in every language; so do these.
const locale = language === "ar" ? "ar-u-nu-latn" : language;

// Isolated, a name keeps its own direction in a right-to-left sentence.
const isolate = (value) => (isRightToLeft ? `\u2068${value}\u2069` : String(value));

/** The text of a key, with its {placeholders} filled in. */
export const t = (key, args = {}) => (texts[key] ?? key)
  .replace(/\{(\w+)\}/g, (whole, name) => (name in args ? isolate(args[name]) : whole));

/** Typed text without the invisible characters and blanks that come along when it is copied. */
export const clean = (text) => text.replace(/\p{Cf}/gu, "").trim();

const numbers = new Intl.NumberFormat(locale);
export const number = (value) => numbers.format(value);

// Not dateStyle: its medium form writes months as numbers in some languages.
const moments = new Intl.DateTimeFormat(locale, {
  day: "numeric", month: "short", year: "numeric", hour: "numeric", minute: "2-digit",
});
export const moment = (time) => moments.format(time);

const UNITS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12],
  ["year", Infinity]];

/** A past time, relative to now: "3 hours ago", "yesterday". */
export function ago(time, now = Date.now()) {
  const formatter = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  let value = Math.max(0, (now - time) / 1000);
  if (value < 60) return formatter.format(0, "second");
  for (const [unit, size] of UNITS) {
    if (value < size) return formatter.format(-Math.floor(value), unit);
    value /= size;
  }
}

const inUnit = (value, unit) => new Intl.NumberFormat(locale,
  { style: "unit", unit, unitDisplay: "narrow", maximumFractionDigits: 0 }).format(value);

/** 75 seconds as "1m 15s". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const rest = inUnit(whole % 60, "second");
  return whole < 60 ? rest : `${inUnit(Math.floor(whole / 60), "minute")} ${rest}`;
}
