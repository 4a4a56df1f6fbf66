// While the server is away the page stays as it is: what would leave it, and could not arrive anywhere, says so instead.
import { french } from "./language.js";
import { notice } from "./notice.js";
import { isLost } from "./wire.js";

export const UNREACHABLE = french
  ? "Le serveur est injoignable. Réessayez dans un instant."
  : "The server cannot be reached. Try again in a moment.";

export const unreachable = () => notice(UNREACHABLE);

// A server behind a proxy is away when the proxy says so.
export const isAway = (answer) => !answer || [502, 503, 504].includes(answer.status);

// The page empties itself before it asks for another conversation, for the open one to be deleted, or for an edit.
const leaving = "li[id^=thread-] a, #new-chat-button, .confirm-edit, [cmdk-item], [role=alertdialog] button:last-child";

function stay(event) {
  if (!isLost()) return;
  const key = event.type === "keydown";
  if (key && event.key !== "Enter") return;
  const chosen = key && document.querySelector("[cmdk-item][aria-selected=true]");
  const menu = event.target.closest?.("#thread-options, [role=menuitem]");
  if (menu || !(chosen || event.target.closest?.(leaving))) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  unreachable();
}

for (const type of ["click", "keydown"]) window.addEventListener(type, stay, true);

// A toast without a sentence: Chainlit's, of a request that never arrived. And hits that are not of these words.
const style = document.createElement("style");
style.textContent = `
  [data-sonner-toast][data-type=error]:has([data-title] > span:empty) { display: none !important; }
  html[data-search-failed] [cmdk-list-sizer] > * { display: none; }
  html[data-search-failed] [cmdk-list]::before { content: ${JSON.stringify(UNREACHABLE)}; display: block; padding: 1.5rem; text-align: center; font-size: 0.875rem; }
`;
document.head.append(style);

export const searched = (arrived) => document.documentElement.toggleAttribute("data-search-failed", !arrived);
