// The page falls back to the server's default, light or dark, unless the browser has a choice stored under
// this key. "system" is the value that its own theme menu stores, so a person's choice replaces it as usual.
try {
  if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system");
} catch {
  // A browser that denies storage gets the server's default.
}
