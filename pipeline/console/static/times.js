// Times: how long ago, beside each; and all of them in the reader's zone, where the reader asked for it.
"use strict";

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"]];
const HERE = zoneHere();
const IS_UTC_HERE = /^(Etc\/)?(UTC|GMT)$/.test(HERE);
const ZONE_KEPT = "sluice-zone";
const TICK_MS = 15000;

// UTC where the browser does not know: it says "Etc/Unknown" then, which it takes for no zone itself.
function zoneHere() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
  } catch {
    return "UTC";
  }
  return zone ?? "UTC";
}

function inLocalZone() {
  try { return localStorage.getItem(ZONE_KEPT) === "local"; } catch { return false; }
}

let isLocal = !IS_UTC_HERE && inLocalZone();

// "3 min ago" or "in 3 min": the greatest unit only.
function fromNow(at) {
  const seconds = (Date.now() - at) / 1000;
  const size = Math.abs(seconds);
  const [length, unit] = UNITS.find(([each]) => size >= each) ?? [1, "s"];
  const told = size < 5 ? "now" : `${Math.floor(size / length)} ${unit}`;
  if (told === "now") return told;
  return seconds < 0 ? `in ${told}` : `${told} ago`;
}

function absolute(at, millis) {
  const how = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const zone = isLocal ? HERE : "UTC";
  const parts = new Intl.DateTimeFormat("en-GB", { ...how, timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(at);
  const of = Object.fromEntries(parts.map((each) => [each.type, each.value]));
  const after = millis ? `.${String(at.getUTCMilliseconds()).padStart(3, "0")}` : "";
  const name = isLocal ? ` ${of.timeZoneName}` : millis ? "" : "Z";
  return `${of.year}-${of.month}-${of.day} ${of.hour}:${of.minute}:${of.second}${after}${name}`;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function writeTime(element) {
  const at = new Date(element.dateTime);
  if (Number.isNaN(at.getTime())) return;
  element.dataset.utc ??= element.textContent;
  const form = element.dataset.form;
  if (form === "ago") {
    element.title = absolute(at, false);
    set(element, fromNow(at));
    return;
  }
  if (form === "line") {
    element.title = fromNow(at);
    set(element, isLocal ? absolute(at, true) : element.dataset.utc);
    return;
  }
  if (!element.firstElementChild) {
    element.innerHTML = '<span class="at"></span> <span class="ago"></span>';
  }
  set(element.firstElementChild, isLocal ? absolute(at, false) : element.dataset.utc);
  set(element.lastElementChild, fromNow(at));
}

function writeTimes() {
  for (const element of document.querySelectorAll("time[datetime]")) writeTime(element);
}

function offerZone() {
  const button = document.querySelector("[data-zone]");
  if (!button || IS_UTC_HERE) return;
  function told() {
    document.documentElement.dataset.zone = isLocal ? "local" : "utc";
    button.textContent = isLocal ? HERE : "UTC";
    button.setAttribute("aria-label", isLocal ? `Times are of ${HERE}: show UTC` : `Times are UTC: show ${HERE}`);
  }
  button.hidden = false;
  button.addEventListener("click", () => {
    isLocal = !isLocal;
    try { localStorage.setItem(ZONE_KEPT, isLocal ? "local" : "utc"); } catch { /* It is not remembered, then. */ }
    told();
    writeTimes();
  });
  told();
}

offerZone();
writeTimes();
document.addEventListener("drawn", writeTimes);
setInterval(writeTimes, TICK_MS);
