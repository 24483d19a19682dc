// Completion of names in the query's text area: those that stand in the list of tables beside it.
"use strict";

(() => {
  const text = document.querySelector("[data-complete]");
  const list = text && document.getElementById(text.dataset.complete);
  if (!list) return;
  const MOST = 12, WORD = /[\p{L}\p{N}_.]*$/u, PLAIN = /^[a-z_][a-z0-9_]*$/;
  let shown = [], chosen = 0;

  const names = [...document.querySelectorAll(".tables details")].flatMap((table) => {
    const of = table.querySelector("summary").textContent.trim();
    return [...table.querySelectorAll("[data-insert]")].map((each) => ({
      name: each.dataset.insert,
      told: "name" in each.dataset ? each.parentElement.querySelector(".quiet").textContent : "table",
      of,
    }));
  });

  const word = () => text.value.slice(0, text.selectionStart).match(WORD)[0];

  function fits(typed) {
    const wanted = typed.toLowerCase();
    const used = text.value.toLowerCase();
    const rank = (each) => (each.name.toLowerCase().startsWith(wanted) ? 0 : 2) + (used.includes(each.of) || each.told === "table" ? 0 : 1);
    const seen = new Set();
    return names
      .filter((each) => each.name.toLowerCase().includes(wanted) && each.name.toLowerCase() !== wanted)
      .sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
      .filter((each) => !seen.has(each.name) && seen.add(each.name))
      .slice(0, MOST);
  }

  function draw() {
    list.replaceChildren(...shown.map((each, at) => {
      const item = document.createElement("li");
      item.id = `name-${at}`;
      item.role = "option";
      item.setAttribute("aria-selected", String(at === chosen));
      item.append(each.name, " ");
      const kind = document.createElement("span");
      kind.className = "quiet";
      kind.textContent = each.told === "table" ? "table" : `${each.told}, ${each.of}`;
      item.append(kind);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); chosen = at; take(); });
      return item;
    }));
    list.hidden = !shown.length;
    if (shown.length) {
      text.setAttribute("aria-controls", list.id);
      text.setAttribute("aria-activedescendant", `name-${chosen}`);
    } else {
      text.removeAttribute("aria-controls");
      text.removeAttribute("aria-activedescendant");
    }
  }

  function open(least) {
    // A column after the name of its table: what is typed is what comes after the last dot.
    const typed = word();
    const last = typed.slice(typed.lastIndexOf(".") + 1);
    shown = typed.length < least ? [] : fits(typed);
    if (!shown.length && typed.includes(".") && last.length >= least) shown = fits(last);
    chosen = 0;
    draw();
  }

  function close() {
    shown = [];
    draw();
  }

  function take() {
    const each = shown[chosen], typed = word();
    const replaced = each.name.toLowerCase().includes(typed.toLowerCase()) ? typed : typed.slice(typed.lastIndexOf(".") + 1);
    const name = each.told === "table" || PLAIN.test(each.name) ? each.name : `"${each.name.replaceAll('"', '""')}"`;
    const end = text.selectionStart;
    text.setRangeText(name, end - replaced.length, end, "end");
    close();
    text.focus();
  }

  text.addEventListener("input", () => open(2));
  text.addEventListener("blur", close);
  text.addEventListener("keydown", (event) => {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      open(0);
      return;
    }
    if (!shown.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      chosen = (chosen + step + shown.length) % shown.length;
      draw();
    } else if (event.key === "Tab" && !event.shiftKey) {
      take();
    } else if (event.key === "Escape") {
      close();
    } else {
      return;
    }
    event.preventDefault();
  });
})();
