// Light or dark as the person has chosen in the chat, whose page keeps it under this key.
try {
  const chosen = localStorage.getItem("vite-ui-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that denies storage shows its own.
}
