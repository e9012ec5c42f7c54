// On narrow screens the screens' names are a strip; the one that is shown stands in sight.
(() => {
  const shown = document.querySelector(".bar nav [aria-current]");
  const strip = shown?.parentElement;
  if (strip) strip.scrollLeft = shown.offsetLeft - strip.offsetLeft - (strip.clientWidth - shown.offsetWidth) / 2;
})();
// Menus close when the person turns elsewhere; a partial update that met the log-in page loads the whole page again.
(() => {
  const close = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  };
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.activeElement.closest("details.menu[open]")?.querySelector("summary").focus();
    close(null);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig } = event.detail;
    const asked = new URL(requestConfig.path, location.href);
    if (!xhr.responseURL || new URL(xhr.responseURL).pathname === asked.pathname) return;
    event.preventDefault();
    location.reload();
  });
})();
