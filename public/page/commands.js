// A command that was picked in the menu stands in the message box as a button. One that takes no words runs at once;
// Backspace in the empty box, and Escape, take any of them back.
import { addedOf } from "./added.js";
import { onHeard } from "./wire.js";

let alone = new Set(); // the names of those that take no words
let key; // the last that was pressed
onHeard("set_commands", (commands) => (alone = new Set(commands.filter((each) => !each.about).map((each) => each.id))));

const box = () => document.querySelector("#chat-input");
const picked = () => document.querySelector(".command-buttons-container .command-button");
const filesWait = () => document.querySelector("#message-composer > .mb-1");

addedOf(".command-button", (button) => {
  const name = button.id.replace(/^command-/, "");
  if (!alone.has(name) || key === "Tab") return;
  setTimeout(() => {
    const submit = document.querySelector("#chat-submit");
    if (picked() && submit && !submit.disabled && box()?.value.trim() === "" && !filesWait()) submit.click();
  });
});

document.addEventListener(
  "keydown",
  (event) => {
    key = event.key;
    if (event.target !== box() || event.isComposing || document.querySelector(".command-item")) return;
    const undone = event.key === "Escape" || (event.key === "Backspace" && box().value === "");
    if (!undone || !picked()) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Escape would stop the answer as well
    picked().click();
    box().focus();
  },
  true,
);
document.addEventListener("pointerdown", () => (key = undefined), true);
