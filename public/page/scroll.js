// Files and pictures are laid out after their message, and push the answer out of view. As long as nobody scrolls away,
// the end of the conversation stays in view.
import { addedOf } from "./added.js";
import { onSaid } from "./wire.js";

const MARGIN = 24; // pixels
let following = true;
let touched = 0; // when a person last did something that scrolls

export const area = () => document.querySelector(".step")?.closest(".overflow-y-auto");

function end() {
  const found = area();
  const last = [...document.querySelectorAll(".step")].pop();
  return found && last ? last.getBoundingClientRect().bottom - found.getBoundingClientRect().bottom : 0;
}

function follow() {
  const below = end() + MARGIN;
  if (following && below > 0) area()?.scrollBy({ top: below, behavior: "instant" });
}

const grown = new ResizeObserver(follow);
addedOf(".step", (step) => grown.observe(step));
// Whoever is led further up stays there.
export const leaveTheEnd = () => (following = false);
for (const event of ["client_message", "edit_message"]) onSaid(event, () => (following = true));
onSaid("connection_successful", () => (following = true));
for (const type of ["wheel", "touchmove", "keydown", "pointerdown"]) {
  addEventListener(type, () => (touched = Date.now()), { capture: true, passive: true });
}
document.addEventListener(
  "scroll",
  ({ target }) => {
    if (target === area() && Date.now() - touched < 1000) following = end() < 2 * MARGIN;
  },
  true,
);
