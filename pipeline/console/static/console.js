// What pages need beyond HTML: a part that follows the lake, and questions before what cannot be undone.
"use strict";

function follow(part) {
  let source = null;

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
    source.onmessage = (event) => draw(event.data);
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      stop();
      setTimeout(start, 3000);
    };
    source.addEventListener("ended", () => { stop(); part.removeAttribute("data-live"); });
  }

  function stop() {
    source?.close();
    source = null;
  }

  // A browser has six connections to a host: a page that nobody sees keeps none.
  document.addEventListener("visibilitychange", () => (document.hidden ? stop() : part.dataset.live && start()));
  start();
}

document.querySelectorAll("[data-live]").forEach(follow);

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

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
