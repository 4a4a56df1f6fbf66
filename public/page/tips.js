// What the search dialog understands besides words: datalayer/search/query.py.
import { french } from "./language.js";

const wordsOf = (inFrench, inEnglish) => (french ? inFrench : inEnglish);
const tips = wordsOf(
  [
    ["avant:2026-11  après:hier", "quand cela a été dit"],
    ["dans:voyage", "dans quel dossier, quelle conversation"],
    ["de:moi  de:assistant", "qui l’a dit"],
    ["avec:fichier  avec:image  avec:vote", "ce qu’il y avait avec"],
    ["étiquette:travail  modèle:gemini", "l’étiquette, le modèle"],
    ["est:épinglée  est:archivée", "ce que vous en avez fait"],
    ['"mot pour mot"', "ces mots, dans cet ordre"],
    ["-brouillon", "sans ce mot"],
  ],
  [
    ["before:2026-11  after:yesterday", "when it was said"],
    ["in:travel", "in which folder or conversation"],
    ["from:me  from:assistant", "who said it"],
    ["has:file  has:picture  has:vote", "what came with it"],
    ["tag:work  model:gemini", "the tag, the model"],
    ["is:pinned  is:archived", "what you made of it"],
    ['"word for word"', "these words in this order"],
    ["-draft", "without this word"],
  ],
);

export const help = document.createElement("details");
help.className = "search-help";
help.append(document.createElement("summary"), document.createElement("dl"));
help.firstChild.textContent = wordsOf("Préciser la recherche", "Narrow the search");

for (const [typed, what] of tips) {
  const [term, meant] = [document.createElement("dt"), document.createElement("dd")];
  [term.textContent, meant.textContent] = [typed, what];
  help.lastChild.append(term, meant);
}
