// The summary at the top.
import { byID, el, say } from "./dom.js";
import { ago, count, day, duration, moment } from "./format.js";
import { page } from "./api.js";
import { waits } from "./series.js";

const kinds = ["statistics", "states", "timers", "sequences"];

// lastRecorded returns when a change was recorded last. Of what is not recorded yet,
// changed is when the data was read.
function lastRecorded(data) {
  const times = kinds.flatMap((k) => data[k]).flatMap((t) => (waits(t) ? t.series.map((s) => s.updated) : t.changed));
  return times.filter(Boolean).sort().at(-1);
}

const facts = new Map();

function fact(name, value) {
  if (!facts.has(name)) {
    const dd = el("dd");
    facts.set(name, dd);
    byID("facts").append(el("div", {}, el("dt", {}, name), dd));
  }
  say(facts.get(name), value);
}

export function showSummary(data) {
  const things = kinds.flatMap((k) => data[k]).filter((t) => t.changed).length; // the others were only declared
  byID("headline").textContent = `${page.title} has recorded ${things === 0 ? "nothing" : count(things, "thing")} since ${day(data.mirror.created)}.`;
  const accepted = data.submissions.filter((s) => s.outcome === "accepted").at(-1);
  fact("Last recorded", lastRecorded(data) ? moment(lastRecorded(data)) : "never");
  fact("Last sent", accepted ? moment(accepted.last) : "never");
  fact("Sending", data.consent.sending ? "on" : "off");
  byID("ids").replaceChildren(
    el("div", {}, el("dt", {}, "This installation"), el("dd", {}, data.mirror.installation_id)),
    el("div", {}, el("dt", {}, "This file"), el("dd", {}, data.mirror.id)));
}

// showWaiting shows how many numbers the next submission has.
export const showWaiting = (numbers) => fact("Waiting to be sent", numbers === 0 ? "nothing" : count(numbers, "number"));

// showFresh shows how old the data may be.
export function showFresh(data) {
  const interval = `Recorded every ${duration(Number(page.interval))}`;
  const last = data && lastRecorded(data);
  const since = data && kinds.some((k) => data[k].some(waits)) ? ", shown with what was counted since" : "";
  byID("fresh").textContent = (last ? `${interval}, last ${ago(last)}` : interval) + since;
}
