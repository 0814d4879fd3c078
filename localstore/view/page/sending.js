// What leaves this machine: the next submission, and the log of earlier ones.
import { byID, el, later, table } from "./dom.js";
import { attributes, count, duration, moment, number, signed } from "./format.js";
import { preview, sent } from "./api.js";

const shownPoints = 40;
const shownLog = 25;

// amount shows what a point adds; for a histogram the count and the sum.
function amount(v) {
  if (v !== null && typeof v === "object") return `${signed(v.count)}, ${duration(Number(v.sum))}`;
  return signed(v);
}

const exact = (document) => JSON.stringify(document, (_, v) => (typeof v === "bigint" ? String(v) : v), 2);

// States of erased installations that must be taken back come first.
const requests = (document) => [...document.retractions, ...document.parts];

const points = (document) => requests(document).flatMap((p) => p.scopes.flatMap((s) => s.metrics.flatMap((m) =>
  m.points.map((x) => [m.name, attributes(x.attributes) || "–", m.type === "gauge" ? number(x.value) : amount(x.value)]))));

let document_ = { retractions: [], parts: [] };
const raw = later("Exact content", () => el("pre", { tabindex: 0 }, exact(document_)));

// showNext shows what the next submission would send, and returns how many
// numbers it has.
export async function showNext() {
  document_ = await preview();
  const found = points(document_);
  const off = document_.sending ? "" : `Nothing is sent: ${document_.reason}. `;
  byID("next-text").textContent = off + (found.length === 0
    ? "Nothing new is waiting to be sent."
    : `${count(found.length, "number")}${document_.batch === null ? "" : ", being sent now"}. Nothing else leaves this machine.`);
  const rest = found.length > shownPoints ? el("p", { class: "note" }, `and ${found.length - shownPoints} more`) : "";
  byID("next").replaceChildren(...(found.length === 0 ? [] : [
    table("What would be sent next", ["Number", "Of", "Amount"], found.slice(0, shownPoints), [2]), rest, raw.node]));
  raw.refresh();
  return found.length;
}

async function showCarried(entry, failed) {
  try {
    byID("carried-text").textContent = exact(await sent(entry.batch));
    byID("carried").showModal();
  } catch (error) { failed(error); }
}

// showLog lists the latest submissions. Each can show what it sent.
export function showLog(log, failed) {
  byID("log-text").textContent = log.length === 0 ? "Nothing was sent since this file was created." : "The latest first. What they sent is kept for a while.";
  const rows = log.slice(-shownLog).reverse().map((s) => [
    moment(s.last),
    s.outcome + (s.times > 1 ? `, ${number(s.times)} times` : "") + (s.reason ? `: ${s.reason}` : ""),
    number(s.points),
    s.batch === null || s.outcome !== "accepted" ? "" : el("button", {
      type: "button", "aria-label": `Show what was sent ${moment(s.last)}`, on: { click: () => showCarried(s, failed) },
    }, "Show"),
  ]);
  byID("log").replaceChildren(...(rows.length === 0 ? [] : [table("What was sent", ["When", "Outcome", "Numbers", ""], rows, [2])]));
}

export function connectSending() {
  byID("carried-close").addEventListener("click", () => byID("carried").close());
}
