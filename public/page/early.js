// Files that are chosen before the server knows this page wait until it does: they would be refused. A server that is away
// is not waited for; the page says so.
import { onceKnown } from "./wire.js";

const LONGEST = 20_000; // milliseconds

window.XMLHttpRequest = class extends XMLHttpRequest {
  open(method, address, ...given) {
    this.waits = method === "POST" && new URL(address, location.href).pathname.endsWith("/project/file");
    super.open(method, address, ...given);
  }

  send(body) {
    if (!this.waits) return super.send(body);
    onceKnown(LONGEST).then(() => this.waits && super.send(body));
  }

  abort() {
    this.waits = false;
    super.abort();
  }
};
