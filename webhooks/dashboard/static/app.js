// What the pages need beside htmx: the reader's time zone and theme, news that stays away, ticks, keys. No page depends on it to show or act.
"use strict";

(() => {
  const root = document.documentElement;
  const year = 31536000;

  function remember(name, value) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${encodeURIComponent(value)}; Path=/; Max-Age=${year}; SameSite=Lax${secure}`;
  }

  function tellZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (!zone || root.dataset.zone === zone) return;
    const known = document.cookie.includes(`kitrelay-zone=${encodeURIComponent(zone)}`);
    remember("kitrelay-zone", zone);
    if (root.dataset.zone && !known) location.reload(); // once: a server that does not know the zone keeps UTC
  }

  function chooseTheme(event) {
    if (event.target.name !== "theme") return;
    remember("kitrelay-theme", event.target.value);
    root.dataset.theme = event.target.value;
    document.dispatchEvent(new Event("kitrelay:theme"));
  }

  const writing = ":is(textarea, select, input:not([type=checkbox], [type=radio], [type=hidden]))";

  // Somebody has marked text in it, to read or to copy.
  function reading(part) {
    const marked = document.getSelection();
    return marked && !marked.isCollapsed && part.contains(marked.anchorNode);
  }

  // Live parts: none is asked for while nobody looks, and what can't be had is said.
  function watchNews() {
    const stale = document.getElementById("stale");
    document.body.addEventListener("htmx:beforeRequest", (event) => {
      const polled = event.target.getAttribute && (event.target.getAttribute("hx-trigger") || "").includes("every");
      const busy = polled && event.target.querySelector(`details.sure[open], dialog[open], input[data-tick]:checked, ${writing}:focus, form:focus-within ${writing}`);
      if (polled && (document.hidden || busy || reading(event.target))) event.preventDefault();
    });
    document.body.addEventListener("htmx:afterRequest", (event) => {
      if (stale) stale.hidden = event.detail.successful || event.detail.xhr.status === 286;
    });
  }

  // The tab's title tells the newest as well: `data-title` on a live part.
  function retitle() {
    const part = document.querySelector("[data-title]");
    const said = part && `${part.dataset.title} · kitrelay`;
    if (said && said !== document.title) document.title = said;
  }

  // What a reader has opened stays open when news come.
  function keepOpen() {
    if (!window.Idiomorph) return;
    Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => !(name === "open" && element.localName === "details");
  }

  // A list whose rows can be ticked: `data-ticks` on the form, `data-tick-all` on its head, `data-ticked` where the number stands;
  // `data-tick-beyond` on a box for what no row shows, `data-while-ticked` on what is said only then.
  function countTicks(form) {
    const boxes = [...form.querySelectorAll("input[data-tick]")];
    const ticked = boxes.filter((box) => box.checked).length;
    const head = form.querySelector("input[data-tick-all]");
    if (head) {
      head.checked = ticked > 0 && ticked === boxes.length;
      head.indeterminate = ticked > 0 && ticked < boxes.length;
    }
    form.querySelectorAll("[data-ticked]").forEach((place) => { place.textContent = String(ticked); });
    const beyond = form.querySelector("input[data-tick-beyond]:checked") !== null;
    form.querySelectorAll("[data-while-ticked]").forEach((place) => { place.hidden = ticked === 0; });
    form.querySelectorAll("[data-needs-ticks]").forEach((button) => { button.disabled = ticked === 0 && !beyond; });
  }

  function tick(event) {
    const form = event.target.closest && event.target.closest("form[data-ticks]");
    if (!form) return;
    if (event.target.matches("[data-tick-all]")) {
      form.querySelectorAll("input[data-tick]").forEach((box) => { box.checked = event.target.checked; });
    }
    countTicks(form);
  }

  const countAllTicks = () => document.querySelectorAll("form[data-ticks]").forEach(countTicks);

  const walked = () => [...document.querySelectorAll("[data-row]")];

  // A row that is gone when news come leaves its focus to the one in its place.
  function keepPlace() {
    let place = -1;
    document.body.addEventListener("htmx:beforeSwap", () => { place = walked().indexOf(document.activeElement.closest("[data-row]")); });
    document.body.addEventListener("htmx:afterSettle", () => {
      const rows = walked();
      if (place >= 0 && rows.length && document.activeElement === document.body) rows[Math.min(place, rows.length - 1)].querySelector("[data-open]").focus();
      place = -1;
    });
  }

  // Rows that are walked through: `data-row` on each, `data-open` on the link that opens it. j and k move, x ticks, Enter opens.
  function walk(key) {
    const rows = walked();
    const here = rows.indexOf(document.activeElement.closest("[data-row]"));
    if (key === "x" || key === "Enter") {
      const found = here >= 0 && rows[here].querySelector(key === "x" ? "input[data-tick]" : "[data-open]");
      if (found) found.click();
      return;
    }
    const to = here < 0 ? 0 : here + (key === "j" ? 1 : -1);
    if (rows[to]) rows[to].querySelector("[data-open]").focus();
  }

  // A long text that somebody sent in vain, because the session was over, is put back where it was typed, after the login.
  const typed = "kitrelay-typed";

  function keepTyped(event) {
    const form = event.target;
    if (form.method !== "post" || !form.querySelector("textarea")) return;
    const fields = [...form.elements].filter((field) => field.name && !["csrf", "once"].includes(field.name) && field.matches("textarea, select, input:not([type=checkbox], [type=radio])"));
    const hidden = fields.filter((field) => field.type === "hidden").map((field) => [field.name, field.value]);
    const values = fields.filter((field) => field.type !== "hidden").map((field) => [field.name, field.value]);
    const page = location.pathname + (hidden.length ? `?${new URLSearchParams(hidden)}` : location.search);
    try {
      sessionStorage.setItem(typed, JSON.stringify({ page, values, lost: false }));
    } catch {
      sessionStorage.removeItem(typed); // more than a browser keeps
    }
  }

  function putBack() {
    const found = JSON.parse(sessionStorage.getItem(typed) || "null");
    if (!found) return;
    if (location.pathname === "/login") {
      sessionStorage.setItem(typed, JSON.stringify({ ...found, lost: true }));
      return;
    }
    const form = [...document.querySelectorAll("form[method=post]")].find((each) => found.values.every(([name]) => each.elements.namedItem(name)));
    if (found.lost && !form && !found.led) {
      sessionStorage.setItem(typed, JSON.stringify({ ...found, led: true }));
      location.replace(found.page);
      return;
    }
    sessionStorage.removeItem(typed);
    if (!found.lost || !form) return;
    found.values.forEach(([name, value]) => { form.elements.namedItem(name).value = value; });
    const told = document.createElement("p");
    told.className = "notice warn";
    told.setAttribute("role", "status");
    told.textContent = "What you typed before you were logged out is here again. It was not sent.";
    document.getElementById("main").prepend(told);
  }

  async function copy(event) {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
  }

  function closeMenus(event) {
    document.querySelectorAll("details.menu[open], details.sure[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  }

  // "/" searches; "g" and a letter goes to a page; j, k and x walk through rows; Escape closes what is open.
  const pages = { t: "/", b: "/batches", j: "/jobs", f: "/failures", k: "/kits", d: "/deliveries", c: "/connections" };
  let going = 0;

  function press(event) {
    if (event.key === "Escape") {
      const open = document.querySelector("details.menu[open], details.sure[open]");
      if (open) {
        open.open = false;
        open.querySelector("summary").focus();
      }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(writing)) return;
    const search = document.getElementById("search");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "g") {
      going = event.timeStamp;
    } else if (going && event.timeStamp - going < 1500 && pages[event.key]) {
      location.assign(pages[event.key]);
    } else {
      going = 0;
      if ("jkx".includes(event.key)) walk(event.key);
      if (event.key === "Enter" && event.target.matches("input[data-tick]")) {
        event.preventDefault(); // it would send the form
        walk(event.key);
      }
    }
  }

  tellZone();
  putBack();
  watchNews();
  keepOpen();
  keepPlace();
  countAllTicks();
  document.body.addEventListener("htmx:afterSettle", retitle);
  window.addEventListener("pageshow", countAllTicks); // a browser that comes back ticks again what was ticked
  document.addEventListener("change", chooseTheme);
  document.addEventListener("change", tick);
  document.addEventListener("submit", keepTyped);
  document.addEventListener("click", copy);
  document.addEventListener("click", closeMenus);
  document.addEventListener("keydown", press);
})();
