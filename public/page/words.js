import { added } from "./added.js";
import { french } from "./language.js";

// Words that are not in the translations: [where, what the page says, in French, in English if that is not clear].
// The first rule that fits is applied before the page is painted; conversations are left alone. U+00A0 and U+202F
// are the no-break spaces of French.
const notice = "[data-sonner-toast], [data-sidebar=sidebar] .border";
const hidden = ".sr-only, [aria-label], [title], [alt], [role=tooltip]";
const pdf = ".inline-pdf, .react-pdf__Document";
const words = [
  [notice, /^Couldn't resume chat: .*/, "Cette conversation n’existe pas, ou n’existe plus.", "This conversation does not exist, or no longer does."],
  [notice, /^Couldn't resume chat$/, "La conversation n’a pas pu être ouverte.", "The conversation could not be opened."],
  [notice, /^Error fetching threads: .*/, "La recherche n’a pas abouti.", "The search failed."],
  [notice, /^Failed to copy: .*/, "La copie a échoué.", "Copying failed."],
  [notice, /^.*(Failed to fetch|NetworkError|Load failed).*/, "Le serveur est injoignable.", "The server cannot be reached."],
  [notice, /^(Service Unavailable|Internal Server Error)\b.*/, "Le serveur n’y parvient pas pour l’instant. Réessayez.", "The server cannot do that right now. Try again."],
  [notice, /^.*This page is out of date; reload it$/, "Cette page n’est plus à jour\u00a0: rechargez-la.", "This page is out of date: reload it."],
  [notice, /^.*Too many requests; wait a moment$/, "Trop de demandes à la fois. Patientez un instant, puis réessayez.", "Too many requests at once. Wait a moment, then try again."],
  [notice, /^.*This request is too large$/, "C’est trop volumineux pour le serveur.", "This is too large for the server."],
  [notice, /^.*Sign in first$/, "Votre session est fermée\u00a0: connectez-vous de nouveau.", "Your session has ended: sign in again."],
  [notice, /^.*: (Session not found|You are not authorized to upload files for this session)$/, "Cette page n’est plus à jour\u00a0: rechargez-la.", "This page is out of date: reload it."],
  [notice, /^(.*): Too many files$/, "$1\u00a0: vos pages ouvertes ont reçu trop de fichiers. Fermez-en, et réessayez plus tard.", "$1: your open pages hold too many files. Close some, and try again later."],
  [notice, /^File type must be .*/, "Ce type de fichier n’est pas accepté. Joignez des images, des sons, des vidéos, des PDF, des textes, du code ou des documents bureautiques.", "This type of file is not accepted. Attach pictures, sound, video, PDF, text, code or office documents."],
  [notice, /^File is larger than (\d+) MB$/, "Le fichier dépasse $1\u00a0Mo."],
  [notice, /^Too many files$/, "Trop de fichiers à la fois.", "Too many files at once."],
  [notice, /^(.*): The file is empty$/, "$1\u00a0: le fichier est vide."],
  [notice, /^(.*): File type not allowed$/, "$1\u00a0: ce type de fichier n’est pas accepté."],
  [notice, /^(.*): File size too large$/, "$1\u00a0: le fichier est trop volumineux."],
  [notice, /^(.*): Upload (failed|error)$/, "$1\u00a0: l’envoi a échoué.", "$1: the upload failed."],
  ["[cmdk-empty]", /^(Your conversations will appear here\.|Vos conversations apparaîtront ici\.)$/, "Aucune conversation ne correspond.", "No conversation matches."],
  ["[role=alertdialog] button", /^(Confirm|Confirmer)$/, "Supprimer", "Delete"],
  ["[cmdk-item]", /^Untitled Conversation$/, "Conversation sans titre", "Untitled conversation"],
  [pdf, /^Loading (preview|PDF|page)(\.\.\.|…)$/, "Chargement…", "Loading…"],
  [pdf, /^Failed to load PDF file\.$/, "Ce PDF ne peut pas être affiché\u00a0: un mot de passe le protège, ou il est endommagé. Vous pouvez le télécharger.", "This PDF cannot be shown: a password protects it, or it is damaged. You can download it."],
  ["*", /^Failed to load chart\.$/, "Le graphique n’a pas pu être chargé.", "The chart could not be loaded."],
  [hidden, /^Open PDF in a larger view$/, "Agrandir le PDF"],
  [hidden, /^View PDF$/, "PDF"],
  [hidden, /^A modal with a larger view of the PDF\.$/, "Le PDF en plus grand."],
  [hidden, /^Print\/Open PDF$/, "Ouvrir ou imprimer le PDF", "Open or print the PDF"],
  [hidden, /^Download PDF$/, "Télécharger le PDF", "Download the PDF"],
  [hidden, /^Close( lightbox)?$/, "Fermer", "Close"],
  [hidden, /^Toggle theme$/, "Changer de thème", "Change the theme"],
  [hidden, /^Account$/, "Compte"],
  [hidden, /^Toggle Sidebar$/, "Afficher ou masquer le volet latéral", "Show or hide the sidebar"],
];
const conversation = "script, style, textarea, .message-content, li[id^=thread-]";

function said(text, element) {
  for (const [where, what, inFrench, inEnglish] of words) {
    if (what.test(text) && element.closest(where)) {
      const sentence = french ? inFrench : inEnglish;
      return sentence ? text.replace(what, sentence) : text;
    }
  }
  return text;
}

function translate(root) {
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node.matches?.(conversation) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
  );
  for (let node = root; node; node = walk.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) {
      const better = said(node.data, node.parentElement);
      if (better !== node.data) node.data = better;
      continue;
    }
    for (const name of ["aria-label", "title", "alt"]) {
      const text = node.getAttribute(name);
      const better = text && said(text, node);
      if (better !== text) node.setAttribute(name, better);
    }
  }
}

added((element, node) => {
  if (!element.closest(conversation)) translate(node);
});
