// Only this file creates nodes: every text becomes a text node, so that a name or
// a state cannot become markup.

// el creates an element. The option css sets style properties, on sets listeners,
// and others set attributes; undefined and false omit one.
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (name === "css") for (const [p, v] of Object.entries(value)) node.style.setProperty(p, v);
    else if (name === "on") for (const [type, f] of Object.entries(value)) node.addEventListener(type, f);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((c) => c !== undefined && c !== null && c !== ""));
  return node;
}

export const byID = (id) => document.getElementById(id);

// say replaces a text, and marks that it changed.
export function say(node, text) {
  if (node.textContent === text) return;
  const fresh = node.textContent !== "";
  node.textContent = text;
  if (!fresh) return;
  node.classList.remove("changed");
  requestAnimationFrame(() => node.classList.add("changed"));
}

// table creates a table with its own scrolling; numbers lists the columns that are
// aligned to the right.
export function table(caption, header, rows, numbers = []) {
  const cell = (tag, content, i) => el(tag, { class: numbers.includes(i) && "number", scope: tag === "th" && "col" }, content);
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    el("table", {},
      el("caption", { class: "visually-hidden" }, caption),
      el("thead", {}, el("tr", {}, ...header.map((h, i) => cell("th", h, i)))),
      el("tbody", {}, ...rows.map((r) => el("tr", {}, ...r.map((c, i) => cell("td", c, i)))))));
}

// later creates a part that is filled when it is opened, and when it is refreshed
// while open.
export function later(title, fill) {
  const body = el("div");
  const node = el("details", {}, el("summary", {}, title), body);
  const refresh = () => { if (node.open) body.replaceChildren(fill()); };
  node.addEventListener("toggle", refresh);
  return { node, refresh };
}
