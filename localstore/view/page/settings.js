// The user's settings for this page: light or dark, and how many days.
import { byID } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");

function recall(key) { try { return localStorage.getItem(key); } catch { return null; } }
function keep(key, value) { try { localStorage.setItem(key, value); } catch { /* not allowed here: for this visit */ } }

let theme = recall("usage-theme");
const isDark = () => (theme ? theme === "dark" : system.matches);

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  byID("theme").setAttribute("aria-pressed", String(isDark()));
}

export function connectTheme(changed) {
  applyTheme();
  const apply = () => { applyTheme(); changed(); };
  system.addEventListener("change", apply);
  byID("theme").addEventListener("click", () => {
    theme = isDark() ? "light" : "dark";
    keep("usage-theme", theme);
    apply();
  });
}

const buttons = [...byID("ranges").querySelectorAll("button")];
const known = recall("usage-days");
let days = buttons.some((b) => b.dataset.days === known) ? Number(known) : 90;

export const chosenDays = () => days;

export function connectRange(changed) {
  const press = () => { for (const b of buttons) b.setAttribute("aria-pressed", String(Number(b.dataset.days) === days)); };
  press();
  for (const b of buttons) {
    b.addEventListener("click", () => {
      days = Number(b.dataset.days);
      keep("usage-days", String(days));
      press();
      changed();
    });
  }
}
