// Computes what a plot shows from running totals per series. It does not access the
// page.

export const dayLength = 86400;

// kept is the number of days that the mirror keeps. A first day near that limit is
// the oldest that is kept, not the day on which counting began.
const kept = 395;

const dayOf = (text) => Math.floor(Date.parse(text) / 1000 / dayLength);

// own returns the series of a trackable's value, without derived ones.
export const own = (t) => t.series.filter((s) => s.metric.toLowerCase() === t.name.toLowerCase());

const sumIn = (value) => Number(typeof value === "object" ? value.sum : value ?? 0);
const countIn = (value) => Number(typeof value === "object" ? value.count : 0);

// totalOf and countOf read the current value of a series: what is recorded, and what
// processes counted since.
export const totalOf = (s) => sumIn(s.recorded) + sumIn(s.unrecorded);
const countOf = (s) => countIn(s.recorded) + countIn(s.unrecorded);

// waits reports whether something of a trackable is not recorded yet.
export const waits = (t) => (typeof t.unrecorded === "object" ? t.unrecorded.runs > 0 : Boolean(t.unrecorded));

// daily returns for each UTC day up to today the running total of all series
// and what the day added to it.
export function daily(trackable, now = Date.now()) {
  const today = Math.floor(now / 1000 / dayLength);
  const lines = own(trackable).map((s) => line(s, today)).filter((l) => l.length > 0);
  if (lines.length === 0) return { days: [], totals: [], added: [], runs: [] };
  const first = Math.min(...lines.map((l) => l[0].day));
  const length = Math.max(today, first) - first + 1;
  const totals = new Array(length).fill(0);
  const runs = new Array(length).fill(0);
  let base = 0, baseRuns = 0;
  for (const l of lines) {
    let value = 0, count = 0, next = 0;
    if (today - l[0].day >= kept) { base += l[0].value; baseRuns += l[0].count; }
    for (let i = 0; i < length; i++) {
      while (next < l.length && l[next].day <= first + i) ({ value, count } = l[next++]);
      totals[i] += value;
      runs[i] += count;
    }
  }
  return {
    days: totals.map((_, i) => (first + i) * dayLength),
    totals,
    added: steps(totals, base),
    runs: steps(runs, baseRuns),
  };
}

// line returns the totals of one series at the end of each day, including today. What
// is not recorded yet was added today.
function line(series, today) {
  const points = series.days.map((d) => ({ day: dayOf(d.date), value: Number(d.value), count: Number(d.count ?? 0) }));
  const updated = series.updated ? dayOf(series.updated) : today;
  if (series.updated) points.push({ day: updated, value: sumIn(series.recorded), count: countIn(series.recorded) });
  if (sumIn(series.unrecorded) !== 0 || countIn(series.unrecorded) > 0) points.push({ day: Math.max(today, updated), value: totalOf(series), count: countOf(series) });
  return points;
}

const steps = (totals, base) => totals.map((v, i) => v - (i > 0 ? totals[i - 1] : base));

// latest returns the last days of daily's result.
export function latest(data, days, now = Date.now()) {
  const from = (Math.floor(now / 1000 / dayLength) - days + 1) * dayLength;
  const start = data.days.findIndex((d) => d >= from);
  const cut = (list) => (start < 0 ? [] : list.slice(start));
  return Object.fromEntries(Object.entries(data).map(([k, v]) => [k, cut(v)]));
}

// byAttributes adds up series of all versions that share their attributes, the
// largest first.
export function byAttributes(trackable, valueOf) {
  const groups = new Map();
  for (const s of own(trackable)) {
    const key = JSON.stringify(s.attributes);
    const group = groups.get(key) ?? { attributes: s.attributes, value: 0 };
    group.value += valueOf(s);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.value - a.value);
}

// stays returns how long a State was in each of its states, within the last days:
// [{state, from, to}] in milliseconds. Equal neighbours are merged.
export function stays(moves, days, now = Date.now()) {
  const from = Math.max(now - days * dayLength * 1000, moves.length > 0 ? Date.parse(moves[0].at) : now);
  const found = [];
  moves.forEach((move, i) => {
    const start = Math.max(Date.parse(move.at), from);
    const end = i + 1 < moves.length ? Date.parse(moves[i + 1].at) : now;
    const last = found.at(-1);
    if (end <= start) return;
    if (last && last.state === move.state) last.to = end;
    else found.push({ state: move.state, from: start, to: end });
  });
  return found;
}

// distribution adds up the buckets of the series that share their boundaries
// with the latest one, and omits empty ones at both ends.
export function distribution(trackable) {
  const histograms = own(trackable).flatMap((s) => [s.recorded, s.unrecorded]).filter((v) => v && v.buckets);
  const bounds = histograms.at(-1)?.boundaries ?? [];
  const alike = histograms.filter((h) => String(h.boundaries) === String(bounds));
  const counts = new Array(bounds.length + 1).fill(0);
  for (const h of alike) h.buckets.forEach((n, i) => { counts[i] += Number(n); });
  const buckets = counts.map((n, i) => ({ count: n, from: i > 0 ? bounds[i - 1] : 0, to: bounds[i] ?? Infinity }));
  const first = buckets.findIndex((b) => b.count > 0);
  const last = buckets.findLastIndex((b) => b.count > 0);
  return first < 0 ? [] : buckets.slice(first, last + 1);
}

// quantile estimates from buckets; values are assumed to be spread evenly in each.
export function quantile(buckets, q) {
  const total = buckets.reduce((n, b) => n + b.count, 0);
  let rank = q * total;
  for (const b of buckets) {
    if (rank <= b.count) return b.to === Infinity ? b.from : b.from + (b.to - b.from) * (rank / b.count);
    rank -= b.count;
  }
  return 0;
}
