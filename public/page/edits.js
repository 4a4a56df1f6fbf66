// An edit that cannot be made is not lost: the editor stays open, or opens again with what was written. When the message
// is no longer there, what was written goes into the box.
import { addedOf } from "./added.js";
import { putBack, type } from "./drafts.js";
import { notice } from "./notice.js";
import { isOwn } from "./own.js";
import { onHeard } from "./wire.js";

let check = () => undefined;
// Calls `look(text)` before an edit is sent; the sentence that it returns is said instead.
export const onEdit = (look) => (check = look);

addEventListener(
  "click",
  (event) => {
    const step = event.target.closest?.(".confirm-edit")?.closest("[id^=step-]");
    const why = step && check(step.querySelector("#edit-chat-input").value);
    if (!why) return;
    event.stopImmediatePropagation();
    notice(why);
  },
  true,
);

let again; // what waits until the message can be edited
export function editAgain({ id, output }) {
  if (!isOwn(id)) return putBack(output, () => {});
  again = { id, output };
  open();
}

const open = () => again && document.querySelector(`#step-${again.id} .edit-message:enabled`)?.click();
onHeard("task_end", () => setTimeout(open));
addedOf(".edit-message", () => setTimeout(open));
addedOf("#edit-chat-input", (box) => {
  if (box.closest("[id^=step-]").id !== `step-${again?.id}`) return;
  const { output } = again;
  again = undefined;
  setTimeout(() => type(box, output));
});
