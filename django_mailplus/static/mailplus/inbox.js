// New mails come in by themselves; codes are copied; keys lead from mail to mail.
// Everything can be read without this.
"use strict";
(() => {
  const SOON = 1000, HIDDEN = 10000; // milliseconds between two looks
  const title = document.title;
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const list = () => one("#list");
  const say = text => { one("#news").textContent = text; };

  // --- New mails ---------------------------------------------------------------------

  const badge = () => {
    const unread = Number(list().dataset.unread);
    document.title = unread ? `(${unread}) ${title}` : title;
  };

  const focused = () => {
    const row = document.activeElement?.closest(".mail");
    return row && { id: row.dataset.id, place: all("a, button", row).indexOf(document.activeElement) };
  };

  const refocus = was => {
    const row = was && one(`.mail[data-id="${was.id}"]`);
    if (row) all("a, button", row)[was.place]?.focus();
  };

  const renew = async () => {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = one("#list", page), old = list();
    if (!fresh || one("details[open]", old)) return; // somebody is choosing there
    const known = new Set(all(".mail", old).map(row => row.dataset.id));
    const arrived = all(".mail", fresh).filter(row => !known.has(row.dataset.id));
    arrived.forEach(row => row.classList.add("is-new"));
    const was = focused(), scrolled = old.scrollTop;
    old.replaceWith(document.adoptNode(fresh));
    fresh.scrollTop = scrolled;
    refocus(was);
    if (document.body.classList.contains("no-mail")) {
      document.body.className = page.body.className;
      one("#pane").replaceChildren(...one("#pane", page).childNodes);
    }
    badge();
    if (arrived.length === 1) {
      const [row] = arrived;
      say(`New mail from ${one(".sender", row).textContent}: ${one(".subject", row).textContent}`);
    } else if (arrived.length) say(`${arrived.length} new mails`);
  };

  // The server answers when there is news, or after so many seconds; a hidden page holds no request.
  let timer, looking = false;
  const look = async () => {
    if (looking) return;
    looking = true;
    clearTimeout(timer);
    const began = performance.now(), { state, news, patience } = list().dataset;
    const headers = { "If-None-Match": `"${state}"` };
    try {
      const response = await fetch(`${news}?limit=1&wait=${document.hidden ? 0 : patience}`, { headers, credentials: "same-origin" });
      if (response.status === 200) await renew();
    } catch { /* the server starts anew, say: next time */ }
    looking = false;
    wait(SOON - (performance.now() - began));
  };

  const wait = soon => { timer = setTimeout(look, document.hidden ? HIDDEN : soon); };

  // --- What a mail was sent for --------------------------------------------------------

  const copy = async button => {
    const text = button.dataset.copy;
    try {
      await navigator.clipboard.writeText(text);
    } catch { // only pages over https, and of this machine, may do so
      const field = document.createElement("textarea");
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
      button.focus();
    }
    button.classList.add("is-copied");
    setTimeout(() => button.classList.remove("is-copied"), 2000);
    say(`Copied ${text}`);
  };

  const markRead = () => {
    const mail = one(".message[data-read='0']"), form = one("#read");
    if (!mail || !form) return;
    const body = new URLSearchParams(new FormData(form));
    body.set("quiet", "1");
    fetch(form.action, { method: "POST", body, credentials: "same-origin" }).then(response => {
      if (response.ok) Object.assign(one("button", form), { name: "unread", textContent: "Mark unread" });
    }).catch(() => {});
  };

  // --- Keys ----------------------------------------------------------------------------

  const step = by => {
    const links = all(".mail .open");
    const here = links.findIndex(link => link.getAttribute("aria-current"));
    const link = here < 0 ? links[0] : links[here + by];
    if (link) link.click();
  };

  const KEYS = {
    j: () => step(1),
    k: () => step(-1),
    u: () => one(".back")?.click(),
    o: () => (one("#link") ?? one(".mail:focus-within .go"))?.click(),
    c: () => (one("#code") ?? one(".mail:focus-within .code"))?.click(),
    "#": () => one("#delete button")?.click(),
    "/": () => one(".search input").select(),
  };
  "123456".split("").forEach((key, place) => { KEYS[key] = () => all(".tabs a")[place]?.click(); });

  document.addEventListener("keydown", event => {
    const open = event.key === "Escape" && one("details[open]");
    if (open) { open.open = false; one("summary", open).focus(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const act = KEYS[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("click", event => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    all("details.menu[open]").filter(menu => !menu.contains(event.target)).forEach(menu => { menu.open = false; });
  });

  if (list()) {
    badge();
    markRead();
    one(".mail.current")?.scrollIntoView({ block: "nearest" });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
    wait(SOON);
  }
})();
