// A plot over days, drawn by uPlot when it becomes visible.
import { el } from "./dom.js";
import { utcDay } from "./format.js";

const height = 132;

// daySteps are the distances between the days named below a plot, in seconds.
const daySteps = [1, 2, 3, 4, 5, 7, 10, 15, 30, 60, 90, 120, 180, 365].map((days) => days * 86400);
const seen = new IntersectionObserver((entries) => {
  for (const e of entries) e.target.plot.see(e.isIntersecting);
}, { rootMargin: "200px" });
const sized = new ResizeObserver((entries) => { for (const e of entries) e.target.plot.resize(); });

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Plot {
  // style is bars or line; format shows a value; colourName is a custom
  // property; steps are the possible distances between marks of the axis.
  constructor({ style, format, colourName, steps }) {
    Object.assign(this, { style, format, colourName, steps, visible: false, stale: false, data: [[], []] });
    this.canvas = el("div", { class: "canvas" });
    this.caption = el("figcaption", { "aria-hidden": "true" });
    this.node = el("figure", { class: "plot", role: "img" }, this.canvas, this.caption);
    this.canvas.plot = this;
    seen.observe(this.canvas);
    sized.observe(this.canvas);
  }

  // show takes the days and values, and a text that describes them.
  show(days, values, label, caption) {
    this.data = [days, values];
    this.rest = caption;
    this.node.setAttribute("aria-label", label);
    this.caption.textContent = caption;
    this.stale = true;
    this.draw();
  }

  see(visible) {
    this.visible = visible;
    this.draw();
  }

  resize() {
    const width = this.canvas.clientWidth;
    if (this.chart && width > 0 && width !== this.chart.width) this.chart.setSize({ width, height });
    else this.draw();
  }

  restyle() {
    this.chart?.destroy();
    this.chart = undefined;
    this.stale = true;
    this.draw();
  }

  remove() {
    seen.unobserve(this.canvas);
    sized.unobserve(this.canvas);
    this.chart?.destroy();
  }

  draw() {
    const width = this.canvas.clientWidth;
    if (!this.visible || !this.stale || width === 0) return;
    this.stale = false;
    if (this.chart) this.chart.setData(this.data);
    else this.chart = new uPlot(this.options(width), this.data, this.canvas);
  }

  options(width) {
    const stroke = colour(this.colourName), soft = colour("--soft"), line = colour("--line");
    const font = "11px " + colour("--text");
    const bars = this.style === "bars";
    return {
      width, height,
      padding: [8, 2, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { setScale: false, x: false }, points: { size: 6 } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: {
        x: { range: () => this.span() }, // uPlot would show almost three years for a single day
        y: { range: (_, from, to) => [Math.min(0, from), Math.max(to, 0) || 1] },
      },
      series: [{}, {
        stroke, width: bars ? 0 : 1.75,
        fill: bars ? stroke : stroke + "22",
        points: { show: () => !bars && this.data[0].length === 1, size: 7, fill: stroke }, // a single point has no line
        paths: bars ? uPlot.paths.bars({ size: [0.72, 22], radius: 0.2 }) : uPlot.paths.stepped({ align: 1 }),
      }],
      axes: [
        { stroke: soft, font, size: 22, gap: 4, space: 64, incrs: daySteps, grid: { show: false }, ticks: { show: false }, values: "{D} {MMM}" },
        { stroke: soft, font, size: 46, gap: 6, space: 36, ...(this.steps && { incrs: this.steps }), grid: { stroke: line, width: 1 }, ticks: { show: false },
          values: (_, ticks) => ticks.map((v) => this.format(v, true)) },
      ],
      hooks: { setCursor: [(u) => this.point(u.cursor.idx)] },
    };
  }

  // span is the time from the first day to the last, with room for bars and for
  // a single day.
  span() {
    const [days] = this.data;
    const room = this.style === "bars" || days.length === 1 ? 43200 : 0;
    return [days[0] - room, days.at(-1) + room];
  }

  // point shows the value under the pointer.
  point(index) {
    const [days, values] = this.data;
    const there = index !== null && index !== undefined && values[index] !== undefined;
    this.caption.textContent = there ? `${utcDay(days[index])}: ${this.format(values[index])}` : this.rest;
  }
}
