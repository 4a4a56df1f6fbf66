// The panel beside the chat, for keys too: it takes the keyboard when it opens and gives it back when it closes, and Escape
// closes it. On a small screen it is a dialog, which does so by itself. It drops what it shows of a file that is deleted.
import { addedOf } from "./added.js";
import { onHeard } from "./wire.js";

const TITLE = "aside #side-view-title";
const CLOSE = `${TITLE} button, [role=dialog]:has(> #side-view-content) > button`;
const OPEN = "[role=dialog], [role=alertdialog], [role=menu], [role=listbox], .command-item, #command-popover";
let opener; // the link that has the keyboard again when the panel closes
let shown; // the element in it

// What the panel shows of a source is asked for each time: the page would show what it has been told before, of a file
// that was deleted since, too.
globalThis.asNow = (element) => {
  shown = element;
  return element.props?.source && /\/datalayer\/sources\/[^?]*$/.test(element.url ?? "")
    ? { ...element, url: `${element.url}?at=${Date.now()}` }
    : element;
};

// The page draws the panel after the click, also the one that stands open already.
const enter = () => opener && document.querySelector(`${TITLE} button`)?.focus({ preventScroll: true });

// The link leads nowhere, and would end up in the address.
addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("a.element-link");
    if (link) {
      event.preventDefault();
      opener = link;
      setTimeout(enter);
    } else if (event.target.closest?.(`${TITLE} button`)) setTimeout(leave);
  },
  true,
);
addedOf(TITLE, (title) => {
  title.closest("aside").setAttribute("aria-labelledby", title.id);
  enter();
});

function leave() {
  if (document.querySelector(TITLE) || document.activeElement !== document.body) return;
  (opener?.isConnected ? opener : document.querySelector("#chat-input"))?.focus({ preventScroll: true });
  opener = undefined;
}

// Where an answer is being written, Escape stops it (keys.js), unless the panel has the keyboard.
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  const panel = document.querySelector(TITLE)?.closest("aside");
  if (key !== "Escape" || !panel || event.isComposing || event.defaultPrevented) return;
  if (document.querySelector(OPEN) || target.closest?.("#edit-chat-input")) return;
  if (document.querySelector("#stop-button") && !panel.contains(target)) return;
  event.preventDefault();
  close();
});

const close = () => document.querySelector(CLOSE)?.click();
const closeIf = (is) => {
  if (!shown || !is) return;
  shown = undefined;
  close();
};
onHeard("remove_element", ({ id }) => closeIf([shown?.id, shown?.props?.source?.element].includes(id)));
// A page of a PDF becomes a sentence when the file is gone.
onHeard("element", ({ id, type }) => closeIf(shown?.id === id && shown.type !== type));
