// Keys for lists: / searches, j and k move, Enter opens. Facets fold away on narrow screens.
(() => {
  const facets = document.querySelector(".facets");
  if (facets && window.matchMedia("(max-width: 900px)").matches) facets.open = false;
  const rows = () => [...document.querySelectorAll(".list .rows tbody tr")];
  const move = (step) => {
    const all = rows();
    const current = all.findIndex((row) => row.classList.contains("current"));
    const next = all[Math.min(Math.max(current + step, 0), all.length - 1)];
    if (!next) return;
    all[current]?.classList.remove("current");
    next.classList.add("current");
    next.querySelector("a").focus();
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input:not([type="checkbox"]), textarea, select')) return;
    if (event.key === "/") { event.preventDefault(); document.getElementById("q").focus(); }
    if (event.key === "j") move(1);
    if (event.key === "k") move(-1);
  });
})();
