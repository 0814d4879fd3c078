// Numbers and times in readable form.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const some = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const shortDate = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const clock = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

// number also takes a BigInt: whole numbers are exact in the range of int64.
export function number(n) {
  if (typeof n === "bigint" || Number.isInteger(n)) return whole.format(n);
  return some.format(n);
}

export const signed = (n) => (n > 0 ? "+" : "") + number(n);

export const count = (n, one, many = one + "s") => `${number(n)} ${Number(n) === 1 ? one : many}`;

export const percent = (share) => (share > 0 && share < 0.01 ? "<1%" : Math.round(share * 100) + "%");

const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

// duration shows at most two units: 3 h 20 min.
export function duration(seconds) {
  if (seconds < 1) return seconds > 0 ? `${some.format(seconds * 1000)}\u00a0ms` : "0 s";
  if (seconds < 60) return `${some.format(Math.round(seconds * 10) / 10)}\u00a0s`;
  let rest = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of units) {
    const n = Math.floor(rest / size);
    rest -= n * size;
    if (n > 0) parts.push(`${whole.format(n)}\u00a0${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join("\u00a0"); // never broken between lines
}

export const day = (text) => date.format(new Date(text));
export const utcDay = (seconds) => shortDate.format(new Date(seconds * 1000));
export const moment = (text) => clock.format(new Date(text));

export function ago(text, now = Date.now()) {
  if (!text) return "never";
  const seconds = Math.max(0, (now - Date.parse(text)) / 1000);
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  return duration(seconds).split("\u00a0").slice(0, 2).join("\u00a0") + " ago";
}

// attributes shows "via=web, lang=en".
export function attributes(object) {
  if (typeof object !== "object" || object === null) return String(object);
  return Object.entries(object).map(([k, v]) => `${k}=${typeof v === "string" ? v : JSON.stringify(v)}`).join(", ");
}
