// A message that goes into a connection whose server has just died is lost, while the page shows it; so is what
// replaces an edited one. It is sent again when the page is connected again ("ready"), unless the server has said that
// it is stored ("kept"), or told the person that it is not taken ("refused"): its text then goes back where it was written.
import { putBack } from "./drafts.js";
import { editAgain, onEdit } from "./edits.js";
import { french } from "./language.js";

const unsure = new Map();
let sender;
let largest; // bytes of a packet
const most = () => (largest - 65536) / 3; // bytes of text: see assistant/access/bounds.py
const bytes = (text) => new Blob([text]).size;

function tooLong() {
  const size = (unit) => (most() < 1e6 ? `${most() / 1e3}\u00a0k${unit}` : `${most() / 1e6}\u00a0M${unit}`);
  return french
    ? `Ce message n’est pas parti\u00a0: il dépasse ${size("o")}. Joignez-le en fichier, ou envoyez-le en plusieurs fois.`
    : `This message was not sent: it has more than ${size("B")}. Attach it as a file, or send it in parts.`;
}

onEdit((text) => (bytes(text) > most() ? tooLong() : undefined));

const begins = (data, text) => typeof data === "string" && data.startsWith(text);
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    let silent;
    this.addEventListener("message", ({ data }) => {
      // A connection that its server has lost sight of says nothing more: another one is made.
      if (begins(data, "40{")) silent = setTimeout(() => this.close(), 8000);
      if (begins(data, "42[")) clearTimeout(silent);
      if (begins(data, "0{")) largest = JSON.parse(data.slice(1)).maxPayload;
      if (begins(data, '42["kept",') || begins(data, '42["refused",')) {
        const [event, id] = JSON.parse(data.slice(2));
        if (event === "refused") this.giveBack(unsure.get(id));
        unsure.delete(id);
      }
      if (unsure.size && begins(data, '42["resume_thread",')) {
        const [, { steps }] = JSON.parse(data.slice(2));
        setTimeout(() => this.showWaiting(new Set(steps.map(({ id }) => id))));
      }
      if (begins(data, '42["ready"')) for (const message of unsure.values()) super.send(message);
    });
  }

  // To the page it looks as if the server had said so.
  pretend(...event) {
    this.dispatchEvent(new MessageEvent("message", { data: `42${JSON.stringify(event)}` }));
  }

  // What waits for its turn is not among the steps of the conversation yet.
  showWaiting(stored) {
    for (const data of unsure.values()) {
      const [event, { message }] = JSON.parse(data.slice(2));
      if (event === "client_message" && !stored.has(message.id)) this.pretend("new_message", message);
    }
  }

  // With files it stays on the page, too: the box would have only the text.
  giveBack(data) {
    if (data === undefined) return;
    const [event, { message, fileReferences }] = JSON.parse(data.slice(2));
    if (event === "edit_message") return editAgain(message);
    if (!message.output) return;
    putBack(message.output, () => fileReferences?.length || this.pretend("delete_message", message));
  }

  // What the server would hang up at is not sent at all.
  refuse(data) {
    this.pretend("toast", { message: tooLong(), type: "error" });
    this.pretend("task_end", {});
    if (/^42\["(client|edit)_message",/.test(data)) this.giveBack(data);
  }

  send(data) {
    if (begins(data, "42[") && bytes(data) > largest) return this.refuse(data);
    super.send(data);
    if (begins(data, "40{")) {
      const { sessionId } = JSON.parse(data.slice(2));
      if (sender !== sessionId) unsure.clear(); // another conversation
      sender = sessionId;
    } else if (begins(data, '42["client_message",') || begins(data, '42["edit_message",')) {
      const [event, sent] = JSON.parse(data.slice(2));
      unsure.set(sent.message.id, `42${JSON.stringify([event, { ...sent, again: true }])}`);
    }
  }
};
