/** Applies the colour theme: light, dark or the system's. A classic script in the head, so that the first paint uses it. */
(() => {
  const KEY = "ninefold-theme";
  const root = document.documentElement;

  function apply(theme) {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("ninefold:theme"));
  }

  function storedTheme() {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : "auto";
  }

  apply(storedTheme());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(storedTheme()));
  document.addEventListener("DOMContentLoaded", () => {
    for (const radio of document.querySelectorAll("input[name=theme]")) {
      radio.checked = radio.value === storedTheme();
      radio.addEventListener("change", () => {
        localStorage.setItem(KEY, radio.value);
        apply(radio.value);
      });
    }
  });
})();
