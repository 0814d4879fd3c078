// The page's requests. URLs are relative, because the page may be mounted
// anywhere.

export const page = Object.fromEntries(["token", "title", "locked", "interval"]
  .map((name) => [name, document.querySelector(`meta[name="usage-${name}"]`).content]));

async function failed(response) {
  let text = `The application answered ${response.status}.`;
  try { text = (await response.json()).error || text; } catch { /* not ours */ }
  return new Error(text);
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...options });
  } catch (cause) {
    if (cause.name === "AbortError") throw cause;
    throw new Error("The application does not respond: it may have ended. This page shows the last known data.", { cause });
  }
  if (!response.ok && response.status !== 304) throw await failed(response);
  return response;
}

let tag = "";

// data returns the recorded data, or nothing if it did not change.
export async function data(signal) {
  const response = await ask("data", { signal, headers: tag ? { "If-None-Match": tag } : {} });
  if (response.status === 304) return undefined;
  const parsed = parse(await response.text());
  tag = response.headers.get("ETag") || "";
  return parsed;
}

export const preview = async () => parse(await (await ask("preview")).text());
export const sent = async (batch) => (await ask("sent?batch=" + encodeURIComponent(batch))).json();

async function change(url, body) {
  const response = await ask(url, {
    method: "POST", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "Usage-Token": page.token },
  });
  return response.json();
}

export const setMode = (mode) => change("consent", { mode });
export const erase = () => change("erase", {});

// parse keeps whole numbers exact that a float cannot hold, if the browser
// provides their text.
function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) => {
    if (typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    return /^-?\d+$/.test(context?.source ?? "") ? BigInt(context.source) : value;
  });
}
