// A card per trackable. Each is created once and updated when the data changes,
// so that the focus and opened parts stay.
import { el, later, say, table } from "./dom.js";
import { attributes, count, duration, number, percent, utcDay } from "./format.js";
import { Plot } from "./plot.js";
import { byAttributes, daily, latest, totalOf } from "./series.js";
import { Funnel } from "./funnel.js";
import { Histogram } from "./histogram.js";
import { Timeline } from "./timeline.js";

// timeSteps are round numbers in the units that times are shown in.
const timeSteps = [...[-9, -8, -7, -6, -5, -4, -3, -2, -1].flatMap((e) => [1, 2, 5].map((n) => Number(`${n}e${e}`))), 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800,
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((hours) => hours * 3600)];

// wholeSteps are for whole numbers.
const wholeSteps = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const withUnit = (text, unit) => (unit ? `${text} ${unit}` : text);

// axisNumber and axisTime return short texts, with enough digits to distinguish
// small numbers.
const axisNumber = (n) => (Math.abs(n) < 1 ? number(n) : compact.format(n));
const axisTimes = [[3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"]];

function axisTime(s) {
  const [size, unit] = axisTimes.find(([n]) => s >= n * 0.9999) ?? (s > 0 ? [1e-9, "ns"] : [1, "s"]);
  return `${compact.format(s / size)} ${unit}`;
}

// kinds has the headline and the plot of each kind.
const kinds = {
  statistics: {
    colourName: "--c1",
    steps: (t) => (t.float ? undefined : wholeSteps),
    style: (t) => (t.monotonic ? "bars" : "line"),
    format: (t) => (v, axis) => (axis ? axisNumber(v) : withUnit(number(v), t.unit)),
    headline: (t) => [withUnit(number(t.value), t.unit), "in all"],
    breakdown: true,
  },
  states: { headline: (t) => [t.default ? `${t.state} (default)` : t.state ?? "no state", `changed ${count(t.changes, "time")}`], parts: [Timeline] },
  timers: {
    colourName: "--c3",
    steps: () => timeSteps,
    style: () => "bars",
    format: () => (v, axis) => (axis ? axisTime(v) : duration(v)),
    headline: (t) => [duration(t.total_seconds), `in ${count(t.runs, "run")}, ${duration(t.average_seconds)} on average`],
    parts: [Histogram],
  },
  sequences: {
    colourName: "--c4",
    steps: () => wholeSteps,
    style: () => "bars",
    format: () => (v, axis) => (axis ? compact.format(v) : number(v)),
    headline: (t) => [number(t.completions), `${Number(t.completions) === 1 ? "time" : "times"} completed`],
    parts: [Funnel],
  },
};

export class Card {
  constructor(kindName, t) {
    this.kind = kinds[kindName];
    this.value = el("strong");
    this.detail = el("span");
    this.about = el("p", { class: "about" });
    this.name = el("h4", {}, t.name);
    this.parts = (this.kind.parts ?? []).map((Part) => new Part());
    if (this.kind.style) {
      this.drawn = this.kind.style(t);
      this.plot = new Plot({ style: this.drawn, format: this.kind.format(t), colourName: this.kind.colourName, steps: this.kind.steps(t) });
      this.days = later("Days as a table", () => this.dayTable());
    }
    this.rows = this.kind.breakdown ? el("ul", { class: "rows" }) : undefined;
    this.node = el("article", { class: "card", "aria-label": t.name },
      el("div", {}, this.name, this.about),
      el("p", { class: "figure" }, this.value, this.detail),
      this.plot?.node, this.rows, ...this.parts.map((p) => p.node), this.days?.node);
  }

  update(t, days) {
    this.trackable = t;
    const [value, detail] = this.kind.headline(t);
    say(this.value, value);
    this.about.textContent = t.description;
    this.about.hidden = !t.description;
    let rest = detail;
    if (this.plot) {
      const all = daily(t);
      this.data = latest(all, days);
      rest += this.today(all);
      this.draw(t);
    }
    this.detail.textContent = rest;
    if (this.rows) this.breakdown(t);
    for (const p of this.parts) p.update(t, days);
    this.days?.refresh();
  }

  today(all) {
    const format = this.kind.format(this.trackable);
    const added = all.added.at(-1);
    return added ? `, today ${added > 0 ? "+" : ""}${format(added)}` : "";
  }

  draw(t) {
    const values = this.drawn === "bars" ? this.data.added : this.data.totals;
    const format = this.kind.format(t);
    this.plot.node.hidden = this.days.node.hidden = values.length === 0;
    if (values.length === 0) return;
    const span = `${utcDay(this.data.days[0])} to ${utcDay(this.data.days.at(-1))}`;
    const most = Math.max(...values);
    const what = this.drawn === "bars" ? "added per day" : "at the end of each day";
    this.plot.show(this.data.days, values, `${t.name}, ${what}, ${span}, at most ${format(most)}`, what);
  }

  breakdown(t) {
    const groups = byAttributes(t, totalOf).filter((g) => Object.keys(g.attributes).length > 0);
    const most = Math.max(1, ...groups.map((g) => g.value));
    this.rows.hidden = groups.length === 0;
    this.rows.replaceChildren(...groups.slice(0, 6).map((g) => el("li", {},
      el("span", {}, attributes(g.attributes)), el("span", {}, number(g.value)),
      el("div", { class: "track" }, el("i", { css: { width: percent(Math.max(0, g.value / most)) } })))));
    if (groups.length > 6) this.rows.append(el("li", {}, el("span", { class: "note" }, `and ${groups.length - 6} more`)));
  }

  dayTable() {
    const format = this.kind.format(this.trackable);
    const rows = this.data.days.map((d, i) => [utcDay(d), this.data.added[i] ? (this.data.added[i] > 0 ? "+" : "") + format(this.data.added[i]) : "–", format(this.data.totals[i])]);
    return table(`Days of ${this.trackable.name}`, ["Day (UTC)", "Added", "In all"], rows.reverse(), [1, 2]);
  }

  restyle() { this.plot?.restyle(); }
  remove() { this.plot?.remove(); this.node.remove(); }
}
