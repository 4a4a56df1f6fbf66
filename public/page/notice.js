// A sentence that the page says by itself, as its own notices look. A screen reader says it too.
let shown;

export function notice(sentence, lasting = 6000) {
  shown?.remove();
  shown = document.createElement("div");
  shown.id = "page-notice";
  shown.setAttribute("role", "alert");
  shown.className = "fixed z-50 rounded-lg border bg-background p-4 text-sm shadow-lg";
  shown.textContent = sentence;
  const said = shown;
  setTimeout(() => said.remove(), lasting);
  document.body.append(shown);
  return said;
}
