// What Chainlit's page gets wrong and offers no setting for, a module a concern. They run before the page's own script,
// in this order: module scripts run in the order of the document, and this one stands above the page's.
import "./page/theme.js";
import "./page/requests.js";
import "./page/messages.js";
import "./page/ended.js";
import "./page/markdown.js";
import "./page/steps.js";
import "./page/words.js";
import "./page/direction.js";
import "./page/names.js";
import "./page/threads.js";
import "./page/focus.js";
import "./page/announce.js";
import "./page/own.js";
import "./page/address.js";
import "./page/title.js";
import "./page/author.js";
import "./page/motion.js";
import "./page/drafts.js";
import "./page/commands.js";
import "./page/keys.js";
import "./page/undo.js";
import "./page/scroll.js";
import "./page/unreachable.js";
import "./page/part.js";
import "./page/search.js";
import "./page/pinned.js";
