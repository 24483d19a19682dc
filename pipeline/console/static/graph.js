// Graphs of state machines: zoom, fit, and the panel beside them. All of it works without, by links and scrolling.

const LEAST = 0.1;
const MOST = 3;
const READABLE = 0.55;
let scale = null;

function zoom(to) {
  const svg = document.querySelector("[data-graph] svg");
  if (!svg) return;
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  scale = Math.min(Math.max(to, LEAST), MOST);
  svg.setAttribute("width", String(Math.round(width * scale)));
  svg.setAttribute("height", String(Math.round(height * scale)));
}

// The scale at which all of the graph is in its frame, but no larger than drawn.
function whole(frame, also) {
  const [, , width, height] = frame.querySelector("svg").getAttribute("viewBox").split(" ").map(Number);
  const room = Math.max(window.innerHeight * 0.75, 200);
  return Math.min(1, (frame.clientWidth - 20) / width, also ? room / height : 1);
}

// Keeps the middle of what is seen in the middle.
function zoomBy(frame, factor) {
  const x = (frame.scrollLeft + frame.clientWidth / 2) / scale;
  const y = (frame.scrollTop + frame.clientHeight / 2) / scale;
  zoom(scale * factor);
  frame.scrollLeft = x * scale - frame.clientWidth / 2;
  frame.scrollTop = y * scale - frame.clientHeight / 2;
}

// What needs attention is in sight: the chosen state, else one that failed or runs, else the beginning.
function show(frame) {
  const box = frame.querySelector(".chosen > a > rect, .o-failed:not(.group) > a > rect, .o-running:not(.group) > a > rect, .end");
  if (!box) return;
  const at = box.getBoundingClientRect();
  const outer = frame.getBoundingClientRect();
  frame.scrollLeft += at.left + at.width / 2 - outer.left - outer.width / 2;
  if (!box.classList.contains("end")) frame.scrollTop += at.top + at.height / 2 - outer.top - outer.height / 2;
}

function offerCopies() {
  if (!navigator.clipboard) return;
  for (const each of document.querySelectorAll("[data-copy] > p:only-of-type:not(:has(button))")) {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "second small", textContent: "Copy" });
    each.append(" ", button);
  }
}

function prepare(first) {
  offerCopies();
  const frame = document.querySelector("[data-graph]");
  if (!frame) return;
  document.querySelector("[data-zoom]").hidden = false;
  zoom(scale ?? Math.max(whole(frame, false), READABLE));
  if (first) show(frame);
}

const seen = { left: 0, top: 0 };
document.addEventListener("scroll", (event) => {
  if (event.target.matches?.("[data-graph]")) Object.assign(seen, { left: event.target.scrollLeft, top: event.target.scrollTop });
}, true);

// The part of the page that follows the lake was drawn again: it looks as before.
document.addEventListener("drawn", () => {
  prepare(false);
  const frame = document.querySelector("[data-graph]");
  if (frame) Object.assign(frame, { scrollLeft: seen.left, scrollTop: seen.top });
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-by]");
  const frame = document.querySelector("[data-graph]");
  if (!button || !frame) return;
  const by = button.dataset.by;
  if (by === "fit") zoom(whole(frame, true));
  else if (by === "whole") zoom(1);
  else zoomBy(frame, by === "in" ? 1.25 : 0.8);
});

document.addEventListener("wheel", (event) => {
  const frame = event.target.closest("[data-graph]");
  if (!frame || !event.ctrlKey) return;
  event.preventDefault();
  zoomBy(frame, event.deltaY < 0 ? 1.1 : 0.9);
}, { passive: false });

document.addEventListener("keydown", (event) => {
  const frame = event.target.closest("[data-graph]");
  if (!frame || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+") zoomBy(frame, 1.25);
  else if (event.key === "-") zoomBy(frame, 0.8);
  else if (event.key === "0") zoom(whole(frame, true));
});

// A state's link shows its panel without leaving the page. Of two quick clicks the last one counts, whichever answer
// comes first.
let asking = null;

async function choose(anchor) {
  const url = anchor.href.baseVal ?? anchor.href;
  asking?.abort();
  const mine = asking = new AbortController();
  let answer, text;
  try {
    answer = await fetch(url, { signal: mine.signal });
    text = await answer.text();
  } catch {
    // Given up for another click; else the page of the link says what is wrong.
    if (!mine.signal.aborted) location.assign(url);
    return;
  }
  if (mine !== asking) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  const panel = page.querySelector("[data-panel]");
  if (!answer.ok || !panel) return location.assign(url);
  const shown = document.querySelector("[data-panel]");
  shown.innerHTML = panel.innerHTML;
  const chosen = new URL(url, location).searchParams.get("state");
  for (const each of document.querySelectorAll("[data-graph] a[data-state]")) each.parentNode.classList.toggle("chosen", new URL(each.href.baseVal, location).searchParams.get("state") === chosen);
  history.replaceState(null, "", new URL(url, location).pathname + new URL(url, location).search);
  const part = document.querySelector("[data-live]");
  const live = page.querySelector("[data-live]");
  if (part && live) {
    part.dataset.live = live.dataset.live;
    part.dispatchEvent(new CustomEvent("again"));
  }
  prepare(false);
  if (shown.getBoundingClientRect().top > window.innerHeight - 80) shown.scrollIntoView({ block: "start" });
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("[data-graph] a[data-state], [data-panel] a[data-follow]");
  if (!anchor || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(anchor);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy] > p > button");
  if (!button) return;
  const text = button.closest("[data-copy]").querySelector("pre, .json").cloneNode(true);
  // What folds say of their entries is not in the text.
  for (const each of text.querySelectorAll("s")) each.remove();
  await navigator.clipboard.writeText(text.textContent.trim());
  button.textContent = "Copied";
});

prepare(true);
