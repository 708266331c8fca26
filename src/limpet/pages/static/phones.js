// What the server cannot do: put bubbles where they belong as they come, copy a code, send on Enter. Without it the page works by reload.
"use strict";
(() => {
  const PHONES_MAX = 200, BUBBLES_MAX = 100, ROWS_A_FRAME = 40;
  const byId = (id) => document.getElementById(id);
  const phones = byId("phones"), live = byId("live"), heard = byId("heard");
  const waiting = new Map();  // of each bubble only what came last
  let drawing = false, news = 0;

  // The same names as `element_id` of the server gives.
  const phoneId = (person) => "p-" + person.replace(/^\+/, "").replace(/[^0-9A-Za-z]/gu, (c) => `_${c.codePointAt(0).toString(16)}_`);

  function newPhone(person, name) {
    const made = byId("new-phone").content.cloneNode(true).firstElementChild;
    made.id = phoneId(person);
    made.dataset.person = person;
    made.setAttribute("aria-label", `Phone of ${person}`);
    made.querySelector("h2").textContent = name;
    made.querySelector(".talk").setAttribute("aria-label", `Conversation with ${person}`);
    made.querySelector("[name=From]").value = made.querySelector("[name=From]").defaultValue = person;
    made.querySelector("[name=Body]").setAttribute("aria-label", `Text from ${person}`);
    phones.prepend(made);
    if (phones.children.length > PHONES_MAX) phones.lastElementChild.remove();
    byId("empty")?.remove();
    htmx.process(made);
    return made;
  }

  function place(row) {
    const before = byId(row.id);
    if (row.classList.contains("gone")) return before?.remove();
    if (before) {  // what is open of its details stays open, and who is at them stays there
      const details = before.querySelector(".details"), focused = document.activeElement === details;
      before.querySelector(".bubble").replaceWith(row.querySelector(".bubble"));
      before.dataset.number = row.dataset.number;
      before.querySelector(".details").setAttribute("aria-expanded", details.getAttribute("aria-expanded"));
      if (focused) before.querySelector(".details").focus();
      settle(before);
      return;
    }
    const phone = byId(phoneId(row.dataset.person)) ?? newPhone(row.dataset.person, row.dataset.name);
    const list = phone.querySelector("ol");
    let next = null;
    for (let last = list.lastElementChild; last && last.dataset.order > row.dataset.order; last = last.previousElementSibling) next = last;
    list.insertBefore(row, next);
    if (list.children.length > BUBBLES_MAX) list.firstElementChild.remove();
    settle(row);
    news += 1;
  }

  // A person answers to the number that wrote last, unless another one has been put there by hand.
  function settle(row) {
    const to = row.closest(".phone").querySelector("[name=To]");
    if (row.nextElementSibling || !row.dataset.number || to.value !== to.defaultValue) return;
    to.value = to.defaultValue = row.dataset.number;
  }

  // A few at a time, so that no frame is held up by a flood.
  function draw() {
    let left = document.hidden ? Infinity : ROWS_A_FRAME;
    for (const [id, row] of waiting) {
      if (left-- <= 0) break;
      waiting.delete(id);
      place(row);
    }
    drawing = waiting.size > 0;
    if (drawing) return soon();
    if (news) heard.textContent = `${news} new message${news === 1 ? "" : "s"}`;
    news = 0;
  }

  function soon() {
    if (document.hidden) setTimeout(draw, 100);
    else requestAnimationFrame(draw);
  }

  function stale() {
    const writing = [...document.querySelectorAll(".compose textarea")].some((text) => text.value);
    if (writing) byId("stale").hidden = false;
    else location.reload();
  }

  function say(on) {
    live.className = `live ${on ? "on" : "off"}`;
    live.textContent = on ? "Live" : "Reconnecting";
  }

  document.body.addEventListener("htmx:sseBeforeMessage", (event) => {
    event.preventDefault();
    if (event.detail.type === "stale") return stale();
    const parsed = document.createElement("template");
    parsed.innerHTML = event.detail.data;
    for (const row of [...parsed.content.children]) waiting.set(row.id, row);
    if (drawing || !waiting.size) return;
    drawing = true;
    soon();
  });
  document.body.addEventListener("htmx:sseOpen", () => say(true));
  document.body.addEventListener("htmx:sseError", () => say(false));

  // One listener for all bubbles: there may be thousands.
  function toggle(link) {
    const more = byId(link.getAttribute("aria-controls"));
    const open = more.childElementCount > 0;
    link.setAttribute("aria-expanded", String(!open));
    if (open) more.replaceChildren();
    else htmx.ajax("GET", link.getAttribute("href"), {source: link, target: more, swap: "innerHTML"});
  }

  document.body.addEventListener("htmx:afterRequest", (event) => {
    const form = event.target;
    if (!form.classList.contains("compose") || event.detail.xhr.status >= 400) return;
    form.querySelector("[name=Body]").value = "";
    form.querySelector("[name=MediaUrl]").value = "";
  });

  document.addEventListener("keydown", (event) => {
    const at = event.target;
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && at.matches(".compose textarea")) {
      event.preventDefault();
      at.form.requestSubmit(at.form.querySelector(".send"));
    } else if (event.key === "Escape") {
      const open = document.querySelector(".menu[open]");
      open?.removeAttribute("open");
      open?.querySelector("summary").focus();
    } else if (event.key === "/" && !at.matches("input, textarea, select")) {
      event.preventDefault();
      document.querySelector(".search input").focus();
    }
  });
  document.addEventListener("click", async (event) => {
    for (const open of document.querySelectorAll(".menu[open]")) if (!open.contains(event.target)) open.removeAttribute("open");
    const details = event.target.closest(".details");
    if (details && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      toggle(details);
    }
    const code = event.target.closest("[data-copy]");
    if (!code) return;
    await navigator.clipboard.writeText(code.dataset.copy);
    code.classList.add("copied");
    heard.textContent = "Copied";
    setTimeout(() => code.classList.remove("copied"), 1500);
  });
})();
