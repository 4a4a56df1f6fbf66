// The tab is called what its conversation is called.
import { onMove, threadHere } from "./address.js";
import { onHeard } from "./wire.js";

const app = document.title;
const LENGTH = 80; // characters; a new conversation is called its whole first message
const names = new Map();

function show() {
  const name = names.get(threadHere());
  document.title = name ? name.replace(/\s+/g, " ").trim().slice(0, LENGTH) : app;
}

function learn(id, name) {
  if (name) names.set(id, name);
  show();
}

onMove(show);
onHeard("resume_thread", ({ id, name }) => learn(id, name));
onHeard("first_interaction", ({ thread_id: id, interaction }) => id && interaction !== "resume" && learn(id, interaction));

// The list, and what a person renames in it.
const request = window.fetch;
window.fetch = async (address, options = {}) => {
  const answer = await request(address, options);
  const { pathname } = new URL(address.url ?? address, location.href);
  if (answer.ok && pathname.endsWith("/project/threads")) {
    const { data } = await answer.clone().json();
    for (const { id, name } of data) learn(id, name);
  } else if (answer.ok && options.method === "PUT" && pathname.endsWith("/project/thread")) {
    const { threadId, name } = JSON.parse(options.body);
    learn(threadId, name);
  }
  return answer;
};
