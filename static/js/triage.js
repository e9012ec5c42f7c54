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
    const label = document.getElementById("ticked");
    if (label) label.textContent = `${boxes().filter((box) => box.checked).length} ticked`;
  };
  const choose = (change) => { field("change").value = change; fit(); };

  if (form) {
    form.addEventListener("change", fit);
    fit();
    count();
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
  const actions = {
    "?": () => keys?.showModal(),
    x: () => { const box = current()?.querySelector('input[type="checkbox"]:enabled'); if (box) { box.checked = !box.checked; count(); } },
    o: () => current()?.querySelector("a.opens").click(),
    e: () => { if (usable && tickCurrent()) { choose("resolved"); field("reason").focus(); } },
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
