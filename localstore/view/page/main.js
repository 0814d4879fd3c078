// The page updates itself: it asks whether anything changed, and draws only then.
import { byID } from "./dom.js";
import { data } from "./api.js";
import { connectConsent, showConsent } from "./consent.js";
import { connectErase } from "./erase.js";
import { connectSending, showLog, showNext } from "./sending.js";
import { connectRange, connectTheme, chosenDays } from "./settings.js";
import { restyleCards, showCards } from "./sections.js";
import { showFresh, showSummary, showWaiting } from "./summary.js";

const pause = 2000;
const longestPause = 30000;

let current;      // the data shown
let shownDay;     // the last day of all plots, which changes at midnight
let sendingDue;   // whether what would be sent is older than the data
let timer;        // until the next request
let asking;       // the running request
let failures = 0;

function trouble(error) {
  byID("trouble").textContent = error.message;
  byID("trouble").hidden = false;
}

function show() {
  showSummary(current);
  showConsent(current.consent);
  showCards(current, chosenDays());
  showLog(current.submissions, trouble);
  shownDay = new Date().getUTCDate();
}

async function refresh() {
  clearTimeout(timer);
  asking?.abort();
  if (document.hidden) return;
  const mine = asking = new AbortController();
  try {
    const fresh = await data(mine.signal);
    if (fresh) {
      current = fresh;
      sendingDue = true;
      show();
    } else if (current && shownDay !== new Date().getUTCDate()) show();
    if (sendingDue) showWaiting(await showNext());
    sendingDue = false;
    failures = 0;
    byID("trouble").hidden = true;
  } catch (error) {
    if (mine.signal.aborted) return;
    failures++;
    trouble(error);
  }
  if (mine.signal.aborted) return;
  showFresh(current);
  timer = setTimeout(refresh, Math.min(pause * 2 ** failures, longestPause));
}

async function changed(text) {
  await refresh();
  byID("status").textContent = text;
}

connectTheme(restyleCards);
connectRange(() => current && showCards(current, chosenDays()));
connectConsent(changed, trouble);
connectErase(changed, trouble);
connectSending();
showFresh();
document.addEventListener("visibilitychange", refresh);
refresh();
