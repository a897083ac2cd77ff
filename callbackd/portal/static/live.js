// Keeps the moving part of a page as it is at this moment: a stream says that something has happened, the part is asked
// for, and only what differs is touched. A daemon that is away is waited for.
import { morphChildren } from "./morph.js";

const APART = 500; // ms between two updates at least
const ANYWAY = 10000; // ms after which it is asked for without a word: time passes too
const SET = 3000; // ms by which a clock that is late was set, not slow on its way
const STALE = 25000; // ms without an answer after which the page says so

const part = document.getElementById("live");
const link = document.getElementById("link");

let tag = part.dataset.tag;
let ahead = Number(part.dataset.now) - Date.now(); // ms by which the daemon's clock is ahead of this one
let stream = null;
let busy = false;
let wanted = false;
let last = 0;
let heard = performance.now();
let timer = 0;

function say(state, text) {
  link.hidden = false;
  if (link.dataset.state === state) return;
  link.dataset.state = state;
  link.textContent = text;
}

function pad(number) {
  return String(number).padStart(2, "0");
}

function stopwatch(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`;
}

// An answer's way here takes time and makes the daemon's clock look late: the least late word counts, so that no running
// time goes back. A clock that was set is another matter.
function hear(now) {
  const found = now - Date.now();
  if (found > ahead || found < ahead - SET) ahead = found;
}

function tick() {
  const now = Date.now() + ahead;
  for (const each of part.querySelectorAll("[data-since]")) {
    const text = stopwatch(now - Number(each.dataset.since));
    if (each.textContent !== text) each.textContent = text;
  }
  if (performance.now() - heard > STALE) say("away", "no answer");
}

async function update() {
  busy = true;
  wanted = false;
  last = performance.now();
  try {
    const headers = tag ? { "If-None-Match": `"${tag}"` } : {};
    const answer = await fetch(part.dataset.live, { headers, credentials: "same-origin", cache: "no-store" });
    if (answer.status === 401 || answer.status === 404) {
      location.reload(); // logged out, or gone: the page itself says which
      return;
    }
    if (answer.ok || answer.status === 304) {
      heard = performance.now();
      hear(Number(answer.headers.get("X-Now")));
      say("live", "live");
    }
    if (answer.ok) {
      const html = await answer.text();
      const begun = performance.now();
      const piece = document.createElement("template");
      piece.innerHTML = html;
      const focused = document.activeElement;
      morphChildren(part, piece.content);
      tick();
      // A row that was moved to another place lost the focus on its way.
      if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
      tag = (answer.headers.get("ETag") ?? "").replaceAll('"', "");
      performance.measure("update", { start: begun, end: performance.now() });
    }
  } catch {
    say("away", "reconnecting");
  } finally {
    busy = false;
    if (wanted) soon();
  }
}

function soon() {
  wanted = true;
  if (busy || timer) return;
  timer = setTimeout(() => {
    timer = 0;
    if (!document.hidden) update();
  }, Math.max(0, last + APART - performance.now()));
}

function listen() {
  if (stream || document.hidden) return;
  stream = new EventSource("/live/events");
  stream.addEventListener("changed", soon);
  stream.onerror = () => {
    say("away", "reconnecting");
    soon();
    if (stream?.readyState === EventSource.CLOSED) {
      stream = null;
      setTimeout(listen, 1500);
    }
  };
}

// A browser has few connections to spare: a window that nobody sees gives its own back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else {
    listen();
    soon();
  }
});

setInterval(tick, 500);
setInterval(soon, ANYWAY);
listen();
