// The sections of cards, one per kind.
import { byID, el } from "./dom.js";
import { Card } from "./cards.js";

const titles = { statistics: "Counts", timers: "Times", states: "Settings", sequences: "Sequences" };

const sections = new Map();

function section(kind) {
  if (!sections.has(kind)) {
    const cards = el("div", { class: "cards" });
    const id = "kind-" + kind;
    const node = el("section", { class: "kind", "aria-labelledby": id }, el("h3", { id }, titles[kind]), cards);
    byID("kinds").append(node);
    sections.set(kind, { node, cards, byName: new Map() });
  }
  return sections.get(kind);
}

// showCards updates all cards, in the order of the data.
export function showCards(data, days) {
  let shown = 0;
  for (const kind of Object.keys(titles)) {
    const { node, cards, byName } = section(kind);
    const gone = new Set(byName.keys());
    data[kind].forEach((t, i) => {
      const style = t.name + (t.monotonic ? " monotonic" : "");
      gone.delete(style);
      if (!byName.has(style)) byName.set(style, new Card(kind, t));
      const card = byName.get(style);
      if (cards.children[i] !== card.node) cards.insertBefore(card.node, cards.children[i] ?? null);
      card.update(t, days);
    });
    for (const name of gone) { byName.get(name).remove(); byName.delete(name); }
    node.hidden = data[kind].length === 0;
    shown += data[kind].length;
  }
  byID("nothing").hidden = shown > 0;
  byID("ranges").hidden = shown === 0;
}

export function restyleCards() {
  for (const { byName } of sections.values()) for (const card of byName.values()) card.restyle();
}
