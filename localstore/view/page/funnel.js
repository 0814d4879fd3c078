// The funnel of a Sequence. It is a list with numbers, so it needs no table for
// screen readers.
import { el } from "./dom.js";
import { number, percent } from "./format.js";

export class Funnel {
  constructor() {
    this.node = el("ol", { class: "rows", css: { "--fill": "var(--c4)" } });
  }

  update(t) {
    const most = Math.max(1, ...t.funnel.map((c) => Number(c.hits)));
    this.node.replaceChildren(...t.funnel.map((c, i) => el("li", {},
      el("span", {}, `${i + 1}. ${c.checkpoint}`),
      el("span", {}, `${number(c.hits)} · ${percent(Number(c.hits) / most)}`),
      el("div", { class: "track" }, el("i", { css: { width: `${(Number(c.hits) / most) * 100}%` } })))));
  }
}
