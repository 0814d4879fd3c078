// The states of a State over time, as a strip.
import { el, later, table } from "./dom.js";
import { duration, moment, percent } from "./format.js";
import { stays } from "./series.js";

const colours = 6;
const name = (state) => state ?? "no state";

export class Timeline {
  constructor() {
    this.strip = el("div", { class: "strip", role: "img" });
    this.from = el("span");
    this.legend = el("ul", { class: "legend" });
    this.moves = later("Changes as a table", () => this.moveTable());
    this.drawn = el("div", {}, this.strip, el("p", { class: "ends" }, this.from, el("span", {}, "now")));
    this.node = el("div", { class: "plot" }, this.drawn, this.legend, this.moves.node);
  }

  update(t, days) {
    this.trackable = t;
    const found = stays(t.history, days);
    this.drawn.hidden = this.moves.node.hidden = found.length === 0;
    const times = new Map();
    for (const s of found) times.set(s.state, (times.get(s.state) ?? 0) + s.to - s.from);
    const order = new Map([...new Set(t.history.map((m) => m.state).filter((s) => s !== null))].map((s, i) => [s, i]));
    // States beyond the number of colours share one, which no other state has.
    const colour = (state) => `var(--c${state !== null && order.get(state) < colours ? order.get(state) + 1 : 0})`;
    const whole = [...times.values()].reduce((a, b) => a + b, 0);
    const ranked = [...times].sort((a, b) => b[1] - a[1]);
    this.strip.replaceChildren(...found.map((s) => el("span", {
      title: `${name(s.state)}, ${moment(s.from)}`,
      css: { "flex-grow": String((s.to - s.from) / whole), background: colour(s.state) },
    })));
    this.strip.setAttribute("aria-label", ranked.map(([s, time]) => `${name(s)} ${percent(time / whole)}`).join(", "));
    if (found.length > 0) this.from.textContent = moment(found[0].from);
    this.legend.replaceChildren(...ranked.slice(0, colours + 1).map(([s, time]) => el("li", {},
      el("i", { css: { background: colour(s) } }), el("span", {}, name(s)),
      el("span", {}, `${percent(time / whole)}, ${duration(time / 1000)}`))));
    this.moves.refresh();
  }

  moveTable() {
    const rows = this.trackable.history.slice(-200).reverse().map((m) => [moment(m.at), name(m.state)]);
    return table(`Changes of ${this.trackable.name}`, ["When", "State"], rows);
  }
}
