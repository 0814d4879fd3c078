// How long the runs of a Timer took.
import { el, later, table } from "./dom.js";
import { count, duration, number } from "./format.js";
import { distribution, quantile } from "./series.js";

const span = (b) => (b.to === Infinity ? `over ${duration(b.from)}` : b.from === 0 ? `up to ${duration(b.to)}` : `${duration(b.from)} to ${duration(b.to)}`);

export class Histogram {
  constructor() {
    this.columns = el("div", { class: "columns-plot", role: "img" });
    this.low = el("span");
    this.high = el("span");
    this.note = el("p", { class: "note" });
    this.lengths = later("Lengths as a table", () => this.lengthTable());
    this.node = el("div", { class: "plot" }, this.columns, el("p", { class: "ends" }, this.low, this.high), this.note, this.lengths.node);
  }

  update(t) {
    this.trackable = t;
    this.buckets = distribution(t);
    this.node.hidden = this.buckets.length === 0;
    if (this.node.hidden) return;
    const most = Math.max(...this.buckets.map((b) => b.count));
    this.columns.replaceChildren(...this.buckets.map((b) => el("span", {
      title: `${span(b)}: ${count(b.count, "run")}`, css: { height: `${(b.count / most) * 100}%` },
    })));
    const [half, most90] = [quantile(this.buckets, 0.5), quantile(this.buckets, 0.9)].map(duration);
    this.columns.setAttribute("aria-label", `Lengths of runs: half up to about ${half}, nine of ten up to about ${most90}`);
    this.low.textContent = duration(this.buckets[0].from);
    const end = this.buckets.at(-1);
    this.high.textContent = end.to === Infinity ? `over ${duration(end.from)}` : duration(end.to);
    this.note.textContent = `Half took up to about ${half}, nine of ten up to about ${most90}.`;
    this.lengths.refresh();
  }

  lengthTable() {
    return table(`Lengths of ${this.trackable.name}`, ["Length", "Runs"], this.buckets.map((b) => [span(b), number(b.count)]), [1]);
  }
}
