// What pages need beyond HTML: a part that follows the lake, and questions before what cannot be undone.
"use strict";

const BEATS_MS = 40000;
const AGAIN_MS = 3000;
const SENT_MS = 3000;

// Says since when the page is cut off from the lake; nothing while it is not.
function cutOff(since) {
  const told = document.querySelector("[data-cut]");
  if (told.hidden === !since) return;
  told.hidden = !since;
  told.textContent = since
    ? `No connection to the lake since ${since.toISOString().slice(0, 19).replace("T", " ")}Z: this page is from then. It tries again every few seconds.`
    : "";
}

function follow(part) {
  let source = null;
  let heard = new Date();

  function hear() {
    heard = new Date();
    cutOff(null);
  }

  function draw(html) {
    const open = new Set([...part.querySelectorAll("details[open][id]")].map((each) => each.id));
    const focused = part.contains(document.activeElement) ? document.activeElement.id : null;
    part.innerHTML = html;
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus();
    part.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  }

  function start() {
    if (source || document.hidden) return;
    source = new EventSource(part.dataset.live);
    source.onmessage = (event) => { hear(); draw(event.data); };
    source.onerror = () => {
      cutOff(heard);
      if (source?.readyState !== EventSource.CLOSED) return;
      stop();
      setTimeout(start, AGAIN_MS);
    };
    source.addEventListener("beat", hear);
    source.addEventListener("busy", (event) => {
      for (const said of document.querySelectorAll("[data-during]")) if (said.dataset.during !== event.data) said.remove();
    });
    source.addEventListener("ended", () => { stop(); hear(); part.removeAttribute("data-live"); });
  }

  function stop() {
    source?.close();
    source = null;
  }

  // A browser has six connections to a host: a page that nobody sees keeps none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return stop();
    heard = new Date();
    if (part.dataset.live) start();
  });
  // What the page shows has changed: it follows that.
  part.addEventListener("again", () => { stop(); if (part.dataset.live) start(); });
  // A connection that is open may be dead all the same.
  setInterval(() => { if (source && new Date() - heard > BEATS_MS) cutOff(heard); }, AGAIN_MS);
  start();
}

document.querySelectorAll("[data-live]").forEach(follow);

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A form that changes something is sent once, however often it is clicked: the answer of a second one would say that
// there is nothing to do any more. It is free again after a while: an answer may be a file, or may never come.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => { delete form.dataset.sent; }, SENT_MS);
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// Search: "/" leads to it from every page, arrows go through what was found.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const find = document.querySelector("[data-find]");
  if (event.key === "/" && !typing && find && !(event.ctrlKey || event.metaKey || event.altKey)) {
    event.preventDefault();
    find.focus();
    find.select();
  }
  const hits = [...document.querySelectorAll("[data-hits] a")];
  const at = hits.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !hits.length || (at < 0 && event.target !== find && typing)) return;
  event.preventDefault();
  (at + step < 0 ? find : hits[Math.min(at + step, hits.length - 1)]).focus();
});

document.querySelector("[data-hits] a")?.focus();

// The query page: names are put where the cursor is; Ctrl+Enter runs.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  const text = document.querySelector("[data-run]");
  if (!button || !text) return;
  const name = button.dataset.insert;
  const plain = !("name" in button.dataset) || /^[a-z_][a-z0-9_]*$/.test(name);
  text.focus();
  text.setRangeText(plain ? name : `"${name.replaceAll('"', '""')}"`, text.selectionStart, text.selectionEnd, "end");
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("[data-run]")) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// A cell that has only the beginning of its value gets the rest when it is opened.
document.addEventListener("toggle", async (event) => {
  const cell = event.target;
  if (!cell.open || !cell.dataset?.whole) return;
  const [path, asked] = cell.dataset.whole.split("?");
  const full = cell.querySelector(".full");
  const whole = cell.dataset.whole;
  // Opened, closed and opened again, it asks once; what did not come is asked for when it is opened the next time.
  delete cell.dataset.whole;
  try {
    const answer = await fetch(`${path}.json?${asked}`);
    if (!answer.ok) throw new Error(answer.statusText);
    full.textContent = (await answer.json()).text;
    full.removeAttribute("data-failed");
  } catch {
    cell.dataset.whole = whole;
    full.dataset.failed = "The rest could not be read: close it and open it again.";
  }
}, true);
