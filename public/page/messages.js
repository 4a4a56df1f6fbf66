// A message that goes into a connection whose server has just died is lost, while the page shows it; so is what
// replaces an edited one. It is sent again when the page is connected again ("ready"), unless the server has said that
// it is stored ("kept"), or told the person that it is not taken ("refused"): its text then goes back into the box.
import { putBack } from "./drafts.js";
import { french } from "./language.js";

const unsure = new Map();
let sender;
const begins = (data, text) => typeof data === "string" && data.startsWith(text);
window.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    let silent;
    this.addEventListener("message", ({ data }) => {
      // A connection that its server has lost sight of says nothing more: another one is made.
      if (begins(data, "40{")) silent = setTimeout(() => this.close(), 8000);
      if (begins(data, "42[")) clearTimeout(silent);
      if (begins(data, "0{")) this.largest = JSON.parse(data.slice(1)).maxPayload;
      if (begins(data, '42["kept",') || begins(data, '42["refused",')) {
        const [event, id] = JSON.parse(data.slice(2));
        if (event === "refused") this.giveBack(unsure.get(id));
        unsure.delete(id);
      }
      if (begins(data, '42["ready"')) for (const message of unsure.values()) super.send(message);
    });
  }

  // To the page it looks as if the server had said so.
  pretend(...event) {
    this.dispatchEvent(new MessageEvent("message", { data: `42${JSON.stringify(event)}` }));
  }

  // With files it stays on the page, too: the box would have only the text. What replaces an old message stays there.
  giveBack(data) {
    if (!begins(data, '42["client_message",')) return;
    const [, { message, fileReferences }] = JSON.parse(data.slice(2));
    if (!message.output) return;
    putBack(message.output, () => fileReferences?.length || this.pretend("delete_message", message));
  }

  // What the server would hang up at is not sent at all.
  refuse(data) {
    const most = (this.largest - 65536) / 3000; // kB of text: see assistant/access/bounds.py
    const size = (unit) => (most < 1000 ? `${most}\u00a0k${unit}` : `${most / 1000}\u00a0M${unit}`);
    const message = french
      ? `Ce message n’est pas parti\u00a0: il dépasse ${size("o")}. Joignez-le en fichier, ou envoyez-le en plusieurs fois.`
      : `This message was not sent: it has more than ${size("B")}. Attach it as a file, or send it in parts.`;
    this.pretend("toast", { message, type: "error" });
    this.pretend("task_end", {});
    this.giveBack(data);
  }

  send(data) {
    if (begins(data, "42[") && new Blob([data]).size > this.largest) return this.refuse(data);
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
