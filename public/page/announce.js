// A screen reader hears an answer once, when it is whole.
import { addedOf } from "./added.js";

const region = document.createElement("div");
region.className = "sr-only";
region.setAttribute("role", "status");
document.body.append(region);

export function announce(text) {
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50); // the same words twice are two announcements
}

const LENGTH = 2000; // characters; who wants more reads it
const answer = () => [...document.querySelectorAll('.step[data-step-type="assistant_message"]')].at(-1);
const text = () => answer()?.querySelector(".message-content")?.textContent ?? "";
let before;
addedOf("#stop-button", () => (before ??= { step: answer(), text: text() }));
addedOf("#chat-submit", () => {
  if (before && answer() && (answer() !== before.step || text() !== before.text)) announce(text().slice(0, LENGTH));
  before = undefined;
});
