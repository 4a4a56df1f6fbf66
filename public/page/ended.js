// A tab whose session has ended, by a sign-out in another tab, say, connects again and again and is refused. The server
// leads it on: to the sign-in page, or with accounts off to a new session.
window.WebSocket = class extends WebSocket {
  constructor(address, ...given) {
    super(address, ...given);
    let opened = false;
    this.addEventListener("open", () => (opened = true));
    this.addEventListener("close", () => opened || askWhoIsThere(new URL(address, location.href).pathname));
  }
};

async function askWhoIsThere(path) {
  if (!path.includes("/ws/socket.io")) return;
  const { status } = await window.fetch(`${path.split("/ws/socket.io")[0]}/user`);
  if (status === 401) location.reload();
}
