// Work on findings with the keyboard, and show of the form only what the chosen change needs. Without it the plain form does all.
(() => {
  const form = document.querySelector("#bulk, #triage");
  const field = (name) => form?.elements.namedItem(name);
  const usable = form !== null && !form.querySelector("fieldset").disabled;
  const boxes = () => [...document.querySelectorAll('.tickable input[type="checkbox"]')];
  const keys = document.getElementById("keys");

  const fit = () => {
    for (const label of form.querySelectorAll("[data-for]")) {
      label.hidden = !label.dataset.for.split(" ").includes(field("change").value);
    }
    const reason = field("reason");
    reason.required = !reason.closest("label").hidden;
    field("text").required = field("change").value === "comment" || (reason.required && reason.value === "other");
  };
  const count = () => {
    const words = `${boxes().filter((box) => box.checked).length} ticked`;
    for (const label of document.querySelectorAll("#bulk .ticked")) label.textContent = words;
  };
  const choose = (change) => { field("change").value = change; fit(); };

  if (form) {
    form.addEventListener("change", fit);
    fit();
    count();
    document.getElementById("refused")?.focus();
    document.addEventListener("change", (event) => { if (event.target.matches(".tickable input")) count(); });
    document.addEventListener("htmx:afterSwap", () => {
      const found = document.getElementById("count");
      const matching = document.getElementById("matching");
      if (found && matching) matching.textContent = found.textContent;
    });
  }

  const current = () => document.querySelector(".list .rows tbody tr.current");
  const tickCurrent = () => {
    if (form.id !== "bulk" || field("scope").value === "all" || boxes().some((box) => box.checked)) return true;
    const box = current()?.querySelector('input[type="checkbox"]');
    if (box) box.checked = true;
    count();
    return Boolean(box);
  };

  // On narrow screens the bar under the list folds away until it is needed.
  const bar = document.querySelector("#bulk details");
  const narrow = window.matchMedia("(max-width: 600px)");
  const fold = () => { if (bar) bar.open = !narrow.matches || document.getElementById("refused") !== null; };
  const unfold = () => { if (bar) bar.open = true; };
  narrow.addEventListener("change", fold);
  fold();

  // Where one is in the list outlasts a change and the look at a finding. Kept are the rows that may be current then, best first.
  const PLACE = "place among findings";
  const nameOf = (row) => { const box = row.querySelector(".tick input"); return `${box.name} ${box.value}`; };
  const keep = (names) => { try { sessionStorage.setItem(PLACE, JSON.stringify(names)); } catch { /* the list begins at its top */ } };
  const take = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(PLACE) ?? "[]");
      sessionStorage.removeItem(PLACE);
      return kept;
    } catch { return []; }
  };
  const rows = [...document.querySelectorAll(".tickable tbody tr")];
  const keepRows = () => {
    const ticked = (row) => row.querySelector(".tick input").checked;
    const at = rows.indexOf(current() ?? rows.findLast(ticked));
    if (at < 0) return keep([]);
    const [after, before] = [rows.slice(at), rows.slice(0, at).reverse()];
    keep([...after.filter((row) => !ticked(row)), rows[at], ...before].map(nameOf));
  };
  const restore = () => {
    const kept = take();
    const from = document.referrer && new URL(document.referrer);
    if (!from || from.origin !== location.origin || !from.pathname.startsWith(location.pathname)) return;
    const row = kept.map((name) => rows.find((each) => nameOf(each) === name)).find(Boolean);
    if (!row) return;
    row.classList.add("current");
    row.querySelector("a").focus({ preventScroll: true });
    row.scrollIntoView({ block: "center" });
  };
  if (form?.id === "bulk") form.addEventListener("submit", keepRows);
  if (form?.id === "triage") {
    const shown = [location.href, ...["next", "prev"].map((side) => document.querySelector(`a[rel="${side}"]`)?.href)];
    keep(shown.map((address) => `finding ${address && new URL(address).pathname.match(/(\d+)\/$/)?.[1]}`));
  } else if (document.getElementById("refused")) rows.find((row) => row.querySelector(".tick input").checked)?.scrollIntoView({ block: "center" });
  else restore();

  const actions = {
    "?": () => keys?.showModal(),
    x: () => { const box = current()?.querySelector('input[type="checkbox"]:enabled'); if (box) { box.checked = !box.checked; count(); } },
    o: () => current()?.querySelector("a.opens").click(),
    e: () => { if (usable && tickCurrent()) { unfold(); choose("resolved"); field("reason").focus(); } },
    a: () => { if (usable && tickCurrent()) { choose("mine"); form.requestSubmit(); } },
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys?.open) return;
    if (event.target.closest('input:not([type="checkbox"], [type="radio"]), textarea, select')) return;
    const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
    const action = actions[event.key];
    if (!link && !action) return;
    event.preventDefault();
    if (link) link.click(); else action();
  });
})();
