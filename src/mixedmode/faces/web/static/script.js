/* What saves waiting; every page is whole without it. */
(() => {
  "use strict";
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const one = (what, within = document) => within.querySelector(what);
  const number = (value) => value.toLocaleString("en-US");

  /* A part of this page, or of another address, fetched again and put in its place. */
  const fetched = async (address) => {
    const answer = await fetch(address, { credentials: "same-origin", headers: { accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname === "/signin") { location.reload(); throw new Error("signed out"); }
    if (!answer.ok) throw new Error(String(answer.status));
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  };
  const isTick = (each) => each.type === "checkbox" || each.type === "radio";
  const typed = (part) => all("input, select, textarea", part).filter((each) => each.name && each.type !== "hidden" && (isTick(each) ? each.checked !== each.defaultChecked : each.value !== each.defaultValue));
  const keep = (given, part) => {
    for (const each of given) {
      const same = all(each.tagName, part).find((other) => other.name === each.name && (!isTick(other) || other.value === each.value));
      if (same && isTick(same)) same.checked = each.checked; else if (same) same.value = each.value;
    }
  };
  const put = (page, ids, kept = false) => {
    for (const id of ids) {
      const here = document.getElementById(id), there = page.getElementById(id);
      if (!here || !there || here.outerHTML === there.outerHTML) continue;
      if (here.contains(document.activeElement) && /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) continue;
      /* What somebody has filled in stays; a file cannot be carried over, so its part stays as it is. */
      const given = kept ? typed(here) : [];
      if (given.some((each) => each.type === "file")) continue;
      const open = new Set(all("details[open][id]", here).map((each) => each.id));
      const focused = here.contains(document.activeElement) ? document.activeElement.id : "";
      here.replaceWith(document.adoptNode(there));
      keep(given, there);
      for (const each of open) document.getElementById(each)?.setAttribute("open", "");
      if (focused) document.getElementById(focused)?.focus();
      ready(document.getElementById(id));
    }
  };

  /* Live parts: <section id="x" data-live="topic"> is fetched again when its topic changes. */
  let stream = null;
  const handlers = {
    counts: (state) => { for (const each of all("[data-count]")) { const count = state[each.dataset.count] ?? 0; each.textContent = number(count); each.closest("#ribbon a:not(.all)")?.classList.toggle("zero", !count); } },
    acts: (state) => {
      const dock = document.getElementById("dock");
      if (!dock) return;
      dock.hidden = !state.length;
      dock.replaceChildren(...state.slice(0, 5).map((each) => {
        const line = document.createElement("p"), link = document.createElement("a"), now = document.createElement("b"), who = document.createElement("span");
        link.href = each.path; link.textContent = each.title; now.textContent = each.text;
        const time = new Date(each.begun).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
        who.textContent = `${each.total > 1 ? `${each.done} of ${each.total}; ` : ""}${each.state}, begun by ${each.who}, ${time}`;
        line.append(link, " ", now, " ", who);
        return line;
      }));
    },
    running: (state) => {
      const place = document.getElementById("running");
      if (!place) return;
      place.hidden = !state;
      if (state) { place.href = state.path; one("[data-running]", place).textContent = `${state.title} ${state.where}`; }
    },
  };
  const tails = (topic, state) => {
    for (const log of all(`[data-tail="${CSS.escape(topic)}"]`)) {
      const follows = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      for (const [kind, text] of state.lines.filter((line) => line[2] > Number(log.dataset.at || 0))) {
        const line = document.createElement("span");
        line.className = kind;
        line.textContent = text + (kind ? "" : "\n");
        log.append(line);
      }
      log.dataset.at = state.at;
      while (log.childNodes.length > 2000) log.firstChild.remove();
      if (follows) log.scrollTop = log.scrollHeight;
    }
  };
  /* One fetch at a time, of whatever has changed until then: answers cannot overtake each other. */
  const changed = new Set(), pause = (time) => new Promise((done) => { setTimeout(done, time); });
  let fetching = false;
  const refetch = async (topic) => {
    for (const each of all(`[data-live="${CSS.escape(topic)}"]`)) if (each.id) changed.add(each.id);
    if (fetching) return;
    fetching = true;
    while (changed.size) {
      await pause(50);
      const ids = [...changed];
      changed.clear();
      try { put(await fetched(location.href), ids, true); } catch (error) {
        if (!(error instanceof TypeError)) continue;
        for (const id of ids) changed.add(id);  /* the network was away */
        await pause(3000);
      }
    }
    fetching = false;
  };
  const listen = () => {
    const topics = new Set(["counts", "running", "acts"]);
    for (const each of all("[data-live]")) topics.add(each.dataset.live);
    for (const each of all("[data-tail]")) topics.add(each.dataset.tail);
    if (!document.getElementById("ribbon") || !window.EventSource) return;
    stream?.close();
    stream = new EventSource(`/api/v1/events?topics=${encodeURIComponent([...topics].join(","))}`);
    for (const topic of topics) stream.addEventListener(topic, (event) => {
      const state = JSON.parse(event.data);
      handlers[topic]?.(state);
      if (one(`[data-tail="${CSS.escape(topic)}"]`)) tails(topic, state);
      else refetch(topic);  /* the first time too: it may have changed since the page was made */
    });
    stream.addEventListener("signed-out", () => { stream.close(); location.reload(); });
  };

  /* Tables: filter while typing, pages and order without a whole new page. */
  const go = async (address, id, keep) => {
    try {
      const page = await fetched(address);
      put(page, [id]);
      history[keep ? "replaceState" : "pushState"](null, "", address);
    } catch { location.assign(address); }
  };
  let typing = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-filter]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => {
      const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      go(`${form.getAttribute("action")}?${query}`, form.dataset.filter, true);
    }, 250);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-sheet] thead a, [data-sheet] .pager a:not([data-export])");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(link.href, link.closest("[data-sheet]").id, false);
  });
  addEventListener("popstate", () => { if (one("[data-sheet]")) location.reload(); });

  /* Copying. */
  const toast = (text) => {
    one(".toast")?.remove();
    const place = document.createElement("p");
    place.className = "toast";
    place.setAttribute("role", "status");
    place.textContent = text;
    document.body.append(place);
    setTimeout(() => place.remove(), 6000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
    navigator.clipboard?.writeText(text.trim()).then(() => toast("Copied"), () => {});
  });

  /* Times left: <time data-left datetime="...">. */
  setInterval(() => {
    for (const each of all("time[data-left]")) {
      const left = Math.max(0, Math.round((Date.parse(each.dateTime) - Date.now()) / 1000));
      each.textContent = left >= 120 ? `${Math.round(left / 60)} minutes` : `${left} seconds`;
    }
  }, 1000);

  /* Keys: off while a field has focus, listed under "?", switched off there (WCAG 2.1.4). */
  const places = { o: "/", p: "/ccmadmin/phones", t: "/trust/lists", c: "/cmplatform/certificates", s: "/ccmservice/services", g: "/guides/procedures", f: "/trust/forecast" };
  const words = [["/", "find"], ["g o, g p, g t, g c", "overview, phones, trust, certificates"], ["g s, g g, g f", "services, guides, forecast"], ["1 to 6", "phones of that outcome, worst first"], ["[ ]", "previous, next page of the table"], ["j k, Enter", "next, previous row, open it"], ["e", "export what is shown"], ["Esc", "close the menu, leave the field"], ["?", "this list"]];
  const keysOff = () => localStorage.getItem("keys") === "off";
  const help = () => {
    if (one("#keys")) { one("#keys").remove(); return; }
    const box = document.createElement("section");
    box.id = "keys"; box.className = "card flow"; box.tabIndex = -1;
    const head = document.createElement("h2");
    head.textContent = "Keys";
    const list = document.createElement("dl");
    list.className = "kv";
    for (const [key, what] of words) {
      const dt = document.createElement("dt"), dd = document.createElement("dd"), kbd = document.createElement("kbd");
      kbd.textContent = key; dt.append(kbd); dd.textContent = what; list.append(dt, dd);
    }
    const button = document.createElement("button");
    button.className = "mini"; button.type = "button";
    const label = () => { button.textContent = keysOff() ? "Switch keys on" : "Switch keys off"; };
    button.addEventListener("click", () => { localStorage.setItem("keys", keysOff() ? "on" : "off"); label(); });
    label();
    box.append(head, list, button);
    document.getElementById("content")?.prepend(box);
    box.focus();
  };
  const rows = (step) => {
    const links = all("[data-sheet] tbody tr").map((row) => one("a", row)).filter(Boolean);
    if (!links.length) return;
    const at = links.findIndex((each) => each.closest("tr").contains(document.activeElement));
    links[Math.min(links.length - 1, Math.max(0, at < 0 ? 0 : at + step))].focus();
  };
  const follow = (what) => one(what)?.click();
  let before = "";
  document.addEventListener("keydown", (event) => {
    const field = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "Escape") {
      if (field) event.target.blur();
      else if (location.hash === "#nav") location.hash = "#main";
      one("#keys")?.remove();
      return;
    }
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") { help(); return; }
    if (keysOff()) return;
    const key = event.key, pair = before === "g" && places[key];
    before = key;
    if (pair) location.assign(pair);
    else if (key === "/") { event.preventDefault(); document.getElementById("find")?.focus(); }
    else if (key === "[") follow(".pager a[rel=prev]");
    else if (key === "]") follow(".pager a[rel=next]");
    else if (key === "j") rows(1);
    else if (key === "k") rows(-1);
    else if (key === "e") follow("[data-export]");
    else if (/^[1-6]$/.test(key)) { const to = all("#ribbon a:not(.all)")[Number(key) - 1]; if (to) location.assign(to.href); }
  });

  const ready = (within) => {
    for (const each of all("[data-copy]", within)) each.hidden = false;
    for (const each of all("[data-tail]", within)) each.scrollTop = each.scrollHeight;
  };
  ready(document);
  (one("[aria-invalid=true]") ?? { focus() {} }).focus();
  addEventListener("pagehide", () => stream?.close());
  addEventListener("pageshow", listen);
})();
