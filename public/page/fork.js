// Beside Chainlit's own buttons of each message: the conversation goes on from there in a copy, and stays as it is. See
// assistant/screen/forking.py.
import { addedOf } from "./added.js";
import { french } from "./language.js";
import { unreachable } from "./unreachable.js";
import { isLost, onHeard, say } from "./wire.js";

const words = french ? "Continuer à partir d’ici dans une copie" : "Go on from here in a copy";
const icon =
  '<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="18" r="3"/><circle cx="6" cy="6" r="3"/><circle cx="18" cy="6" r="3"/><path d="M18 9v2c0 .6-.4 1-1 1H7c-.6 0-1-.4-1-1V9"/><path d="M12 12v3"/></svg>';
let waiting; // the button that was pressed

function press(button) {
  if (waiting) return;
  if (isLost()) return unreachable();
  waiting = button;
  button.setAttribute("aria-busy", "true");
  say("fork_from", { step: button.closest("[id^=step-]").id.slice("step-".length) });
}

function done() {
  waiting?.removeAttribute("aria-busy");
  waiting = undefined;
}

// What is shared can be read only.
const isShared = () => /\/share\/[^/]+\/?$/.test(location.pathname);

function made() {
  const button = document.createElement("button");
  button.className = "fork-message";
  button.type = "button";
  button.title = words;
  button.setAttribute("aria-label", words);
  button.innerHTML = icon;
  button.addEventListener("click", () => press(button));
  return button;
}

const lacks = (row) => !isShared() && !row.querySelector(".fork-message");
addedOf('.step[data-step-type="assistant_message"] .ai-message .-ml-1\\.5.flex-wrap', (row) => {
  if (lacks(row)) row.append(made());
});
// Of one's own message, before the button that copies it.
addedOf('.step[data-step-type="user_message"] .flex-row.group', (row) => {
  if (lacks(row)) row.prepend(made());
});

onHeard("not_forked", done);
onHeard("resume_thread", done);
addEventListener("pageshow", done);
