// A sentence that the page says by itself, as its own notices look, until it is closed or for so many milliseconds. A
// screen reader says it too.
import { french } from "./language.js";

let shown;

export function notice(sentence, lasting = 6000) {
  shown?.remove();
  shown = document.createElement("div");
  shown.id = "page-notice";
  shown.setAttribute("role", "alert");
  shown.className = "fixed z-50 rounded-lg border bg-background p-4 text-sm shadow-lg";
  shown.textContent = sentence;
  const said = shown;
  const close = document.createElement("button");
  close.setAttribute("aria-label", french ? "Fermer" : "Close");
  close.addEventListener("click", () => said.remove());
  said.append(close);
  setTimeout(() => said.remove(), lasting);
  document.body.append(shown);
  return said;
}
