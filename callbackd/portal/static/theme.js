// Dark or light: the system's choice until somebody chooses; before the page is drawn, so that nothing flashes.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const kept = () => {
    try { return localStorage.getItem("theme"); } catch { return null; }
  };
  const theme = () => kept() ?? (system.matches ? "dark" : "light");
  const show = () => { root.dataset.theme = theme(); };
  show();
  system.addEventListener("change", show);
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = theme() === "dark" ? "light" : "dark";
      try { localStorage.setItem("theme", next); } catch { /* it lasts as long as the page */ }
      root.dataset.theme = next;
    });
  });
})();
