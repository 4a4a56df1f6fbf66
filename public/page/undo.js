// What Undo would bring back is said no longer than it can be pressed.
import { notice } from "./notice.js";
import { onHeard } from "./wire.js";

let said;
onHeard("replaced", (sentence) => (said = notice(sentence)));
onHeard("remove_action", ({ id, again }) => id.startsWith("undo-") && !again && said?.remove());
