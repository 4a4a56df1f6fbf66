// Who answered is written on the answer; Chainlit shows it to a pointer that rests on the picture only.
import { addedOf } from "./added.js";

const app = document.title;

addedOf('.ai-message img[alt^="Avatar for "]', (picture) => {
  const author = picture.alt.slice("Avatar for ".length);
  const answer = picture.closest(".ai-message");
  if (author === app || author === "default" || !answer || answer.dataset.author) return;
  answer.dataset.author = author;
});
