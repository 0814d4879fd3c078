// The switch.
import { byID } from "./dom.js";
import { page, setMode } from "./api.js";
import { moment } from "./format.js";

const buttons = [...byID("modes").querySelectorAll("button")];

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + ".";

// unset says what applies before a decision, when no button is pressed. It says
// nothing if something else forbids sending, because a decision would not change that.
function unset(consent) {
  if (consent.mode !== "unset" || !consent.sending && !consent.should_ask) return "";
  return consent.sending ? " Until you decide, counts are recorded and sent." : " Until you decide, counts stay on this machine.";
}

export function showConsent(consent) {
  const since = consent.since ? ` Decided ${moment(consent.since)}.` : "";
  byID("reason").textContent = (page.locked ? page.locked + " " : "") + sentence(consent.reason) + unset(consent) + since;
  for (const b of buttons) b.setAttribute("aria-pressed", String(b.dataset.mode === consent.mode));
}

// connectConsent calls changed after each switch, and failed with an error.
export function connectConsent(changed, failed) {
  for (const b of buttons) {
    b.disabled = page.locked !== "";
    b.setAttribute("aria-pressed", "false");
    b.addEventListener("click", async () => {
      try {
        const now = await setMode(b.dataset.mode);
        changed(sentence(now.reason));
      } catch (error) { failed(error); }
    });
  }
}
