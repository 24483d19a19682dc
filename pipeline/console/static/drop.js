// Files dragged onto a page, or chosen, go to the raw bucket: a request each, some at a time, with their progress.
"use strict";

(() => {
  const AT_ONCE = 3;
  const zone = document.querySelector("[data-drop-to]");
  if (!zone) return;
  const token = document.querySelector("meta[name=csrf]").content;
  const list = zone.querySelector("[data-drop-list]");
  const said = zone.querySelector("[data-drop-said]");
  const cancelAll = zone.querySelector("[data-drop-cancel]");
  const again = zone.querySelector("[data-drop-again]");
  const drops = [];

  function element(name, text, more = {}) {
    const made = Object.assign(document.createElement(name), more);
    made.textContent = text;
    return made;
  }

  function size(bytes) {
    const units = ["B", "kB", "MB", "GB", "TB"];
    let unit = 0;
    for (; bytes >= 1000 && unit < units.length - 1; unit++) bytes /= 1000;
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  }

  function summary() {
    const count = (state) => drops.filter((each) => each.state === state).length;
    const going = count("waits") + count("goes");
    const parts = [[count("done"), "stored"], [going, "on the way"], [count("failed"), "failed"], [count("cancelled"), "cancelled"]];
    zone.classList.toggle("busy", drops.length > 0);
    said.textContent = parts.filter(([n]) => n).map(([n, what]) => `${n} ${what}`).join(", ");
    cancelAll.hidden = !going;
    again.hidden = going || !count("done");
  }

  function enqueue(name, file) {
    const drop = { name, file, state: "waits", request: null };
    drop.item = list.appendChild(document.createElement("li"));
    drop.told = document.createElement("span");
    drop.bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
    drop.bar.setAttribute("aria-label", `Progress of ${name}`);
    drop.button = element("button", "Cancel", { type: "button", className: "second" });
    drop.button.setAttribute("aria-label", `Cancel ${name}`);
    drop.button.onclick = () => cancel(drop);
    const title = document.createElement("bdi");
    title.append(element("code", name.length > 120 ? `${name.slice(0, 119)}…` : name));
    drop.item.append(title, " ", element("span", size(file.size), { className: "quiet" }), " ", drop.bar, " ", drop.told, " ", drop.button);
    drops.push(drop);
  }

  function settle(drop, state, ...told) {
    drop.state = state;
    drop.request = null;
    drop.item.className = state;
    drop.told.replaceChildren(...told);
    drop.bar.hidden = true;
    drop.button.hidden = state === "done";
    if (state === "failed" || state === "cancelled") {
      drop.button.textContent = "Try again";
      drop.button.setAttribute("aria-label", `Try ${drop.name} again`);
      drop.button.onclick = () => retry(drop);
    }
    pump();
  }

  function cancel(drop) {
    if (drop.request) drop.request.abort();
    else if (drop.state === "waits") settle(drop, "cancelled", "Cancelled.");
  }

  function retry(drop) {
    drop.button.textContent = "Cancel";
    drop.button.setAttribute("aria-label", `Cancel ${drop.name}`);
    drop.button.onclick = () => cancel(drop);
    drop.bar.value = 0;
    drop.item.className = "";
    drop.state = "waits";
    drop.told.replaceChildren();
    pump();
  }

  function failed(drop, request) {
    let answer = {};
    try { answer = JSON.parse(request.responseText); } catch { /* Not of the console: the status says what there is. */ }
    const reason = answer.error || `the console answered ${request.status}`;
    settle(drop, "failed", element("span", `${reason}.`, { className: "bad" }), " ", answer.hint || "Try again.");
  }

  function send(drop) {
    const request = new XMLHttpRequest();
    const to = new URLSearchParams({ to: zone.dataset.dropTo, name: drop.name });
    request.open("POST", `/drop?${to}`);
    request.setRequestHeader("x-csrf-token", token);
    request.setRequestHeader("accept", "application/json");
    request.upload.onprogress = (event) => {
      drop.bar.value = event.total ? event.loaded / event.total : 1;
      drop.told.textContent = `${size(event.loaded)} sent`;
    };
    request.onload = () => {
      if (request.status !== 200) return failed(drop, request);
      const stored = JSON.parse(request.responseText);
      settle(drop, "done", "Stored. ", element("a", "Follow it to the table", { href: stored.page }));
    };
    // What was sent whole may be stored before the console hears that nobody waits for it.
    const kept = () => (drop.bar.value < 1 ? "nothing of it was kept" : "it was sent whole, and may be stored");
    request.onabort = () => settle(drop, "cancelled", `Cancelled: ${kept()}.`);
    request.onerror = () => settle(drop, "failed", element("span", `The connection broke: ${kept()}.`, { className: "bad" }),
      " Is the console still running, and the file still there? Then try again.");
    drop.request = request;
    drop.state = "goes";
    drop.bar.hidden = false;
    request.send(drop.file);
  }

  function pump() {
    let room = AT_ONCE - drops.filter((each) => each.state === "goes").length;
    for (const drop of drops) {
      if (room <= 0) break;
      if (drop.state === "waits") { send(drop); room--; }
    }
    summary();
  }

  async function entries(folder) {
    const reader = folder.createReader(), found = [];
    // A reader hands out a hundred at a time, and none when it has no more.
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return found;
      found.push(...some);
    }
  }

  async function walk(entry) {
    if (entry.isDirectory) {
      for (const each of await entries(entry)) await walk(each);
    } else {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      enqueue(entry.fullPath.replace(/^\//, ""), file);
    }
  }

  function unreadable(name, error) {
    list.append(element("li", `${name} cannot be read: ${error.message} Choose it again.`, { className: "bad" }));
  }

  async function take(transfer) {
    // What is dragged may be read only while the event is handled: entries are taken out before anything is awaited.
    const items = [...transfer.items].filter((item) => item.kind === "file");
    const found = items.map((item) => item.webkitGetAsEntry?.() || item.getAsFile());
    for (const each of found) {
      if (each instanceof File) enqueue(each.name, each);
      else if (each) await walk(each).catch((error) => unreadable(each.name, error));
    }
    pump();
  }

  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) zone.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer);
  });
  for (const input of zone.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      for (const file of input.files) enqueue(file.webkitRelativePath || file.name, file);
      input.value = "";
      pump();
    });
  }
  again.addEventListener("click", () => window.location.reload());
  cancelAll.addEventListener("click", () => [...drops].reverse().forEach(cancel));
  window.addEventListener("beforeunload", (event) => {
    if (drops.some((each) => each.state === "waits" || each.state === "goes")) event.preventDefault();
  });
})();
