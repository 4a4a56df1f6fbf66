// After signing in, the page shows the start, whatever was asked for. The server names it in the address of the sign-in
// page (assistant/access/returning.py); of a page that was open when its session ended, the tab keeps it.
const kept = "threadkeep.next";
const place = /\/(thread|element)\/[^/]+$/;

export function keepPlace() {
  if (place.test(location.pathname)) sessionStorage.setItem(kept, location.pathname + location.search);
}

export function forgetPlace() {
  sessionStorage.removeItem(kept);
}

// Only an address of this origin: the parameter can be written by anybody.
function wanted() {
  const given = new URLSearchParams(location.search).get("next") ?? sessionStorage.getItem(kept);
  if (!given?.startsWith("/")) return undefined;
  const address = new URL(given, location.origin);
  return address.origin === location.origin && address.pathname !== location.pathname ? address : undefined;
}

// Whether the browser leaves for what was asked for.
export function goBack() {
  const address = wanted();
  forgetPlace();
  if (address) location.replace(address.pathname + address.search);
  return address !== undefined;
}
