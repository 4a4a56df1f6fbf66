// What the page asks of the server, where the answer it gets would mislead it.
import { signedIn, signedOut } from "./drafts.js";
import { french } from "./language.js";
import { apart } from "./pinned.js";
import { forgetPlace, goBack, keepPlace } from "./returning.js";
import { showHits } from "./search.js";
import { asBefore, forgetTab } from "./temporary.js";
import { deleted } from "./trash.js";
import { UNREACHABLE, isAway, searched, unreachable } from "./unreachable.js";

const request = window.fetch.bind(window);
const pause = (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds));

// The page asks again and again who is there, and leaves for the sign-in page when that fails: while the server is
// down the tab, and the text in it, would be lost. One request at a time waits for the server instead.
let asking;
async function whoIsThere(...given) {
  for (;;) {
    const answer = await request(...given).catch(() => undefined);
    if (answer && ![502, 503, 504].includes(answer.status)) return answer;
    await pause(1000);
  }
}

const forever = new Promise(() => {}); // the browser leaves this page: nothing on it needs to go on

// The page loads itself again, and the next person would be led to what this one has looked at.
async function signOut(address, options) {
  const answer = await request(address, options);
  if (!answer.ok) return answer;
  signedOut();
  forgetPlace();
  forgetTab();
  location.replace(new URL("login", new URL(address, location.href)));
  return forever;
}

// The sign-in form shows the status of a refusal, for which it has no sentence; the reason is in the body.
async function signIn(...given) {
  const answer = await request(...given).catch(() => undefined);
  if (answer?.ok) return goBack() ? forever : answer;
  const { detail } = (await answer?.json().catch(() => undefined)) ?? {};
  const reason = detail ?? (isAway(answer) ? "unreachable" : "default");
  return { ok: true, json: () => Promise.reject(new Error(String(reason))) };
}

const refusals = french
  ? {
      toomanytries: "Trop d’essais pour ce compte. Patientez un quart d’heure, puis réessayez.",
      toomanyhere: "Trop d’essais infructueux depuis votre réseau. Patientez un quart d’heure, puis réessayez.",
      busy: "Trop de personnes se connectent en ce moment. Réessayez dans quelques secondes.",
      away: "Connexion impossible pour l’instant : la base de données ne répond pas. Réessayez dans un moment.",
    }
  : {
      toomanytries: "Too many tries for this account. Wait a quarter of an hour, then try again.",
      toomanyhere: "Too many failed tries from your network. Wait a quarter of an hour, then try again.",
      busy: "Too many people are signing in right now. Try again in a few seconds.",
      away: "Nobody can sign in right now: the database does not answer. Try again in a moment.",
    };

// The server's reasons are in small letters, the names of the sentences are not; and some have no sentence.
async function translations(...given) {
  const answer = await request(...given);
  if (!answer.ok) return answer;
  const found = await answer.json();
  const errors = found.translation.auth.login.errors;
  for (const [name, sentence] of Object.entries(errors)) errors[name.toLowerCase()] = sentence;
  Object.assign(errors, refusals, { unreachable: UNREACHABLE });
  return Response.json(found);
}

const IN_DIALOG = 20; // conversations that the search dialog asks for, also before anything was typed

// A list that does not arrive leaves the old hits standing under the new words.
async function search(...given) {
  const answer = await request(...given).catch(() => undefined);
  searched(!isAway(answer));
  if (isAway(answer)) return Response.json({ pageInfo: { hasNextPage: false }, data: [] });
  if (answer.ok) showHits(await answer.clone().json());
  return answer;
}

// The page has an empty notice for what never arrived.
async function change(...given) {
  try {
    return await request(...given);
  } catch (error) {
    unreachable();
    throw error;
  }
}

// The page resumes the open conversation while it is being deleted, and keeps showing it: begin with a fresh page.
async function deleteThread(address, options) {
  const answer = await change(address, options);
  const { threadId } = JSON.parse(options.body);
  const end = `/thread/${threadId}`;
  const open = location.pathname.endsWith(end);
  if (answer.ok) deleted(threadId, open);
  if (answer.ok && open) location.replace(location.pathname.slice(0, -end.length) + "/");
  return answer;
}

// Whichever request is the first to be refused, Chainlit leaves for the sign-in page by it.
window.fetch = async (...given) => {
  const answer = await asked(...given);
  if (answer.status === 401) keepPlace();
  return answer;
};

async function asked(address, options = {}) {
  const { pathname, searchParams } = new URL(address.url ?? address, location.href);
  const is = (method, end) => (options.method ?? "GET") === method && pathname.endsWith(end);
  if (is("GET", "/user")) {
    asking ??= whoIsThere(address, options).finally(() => (asking = undefined));
    const answer = await asking;
    if (answer.ok) answer.clone().json().then((user) => signedIn(user.identifier));
    return answer.clone();
  }
  if (is("POST", "/login")) return signIn(address, options);
  if (is("GET", "/project/settings") && !searchParams.has("chat_profile")) return asBefore(await request(address, options));
  if (is("GET", "/project/translations")) return translations(address, options);
  if (is("DELETE", "/project/thread")) return deleteThread(address, options);
  if (is("POST", "/logout")) return signOut(address, options);
  if (is("POST", "/project/threads")) {
    const { filter, pagination } = JSON.parse(options.body);
    if (filter?.search || pagination?.first === IN_DIALOG) return search(address, options);
    const listed = await request(address, options);
    return listed.ok ? Response.json(apart(await listed.json())) : listed;
  }
  return (["PUT", "DELETE"].includes(options.method) ? change : request)(address, options);
}
