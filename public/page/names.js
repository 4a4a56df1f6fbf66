// What a screen reader calls the buttons that show nothing but a picture, and what it says of their state.
import { addedOf } from "./added.js";
import { french } from "./language.js";

const name = (inFrench, inEnglish) => (french ? inFrench : inEnglish);
const names = {
  "[data-sidebar=sidebar] #sidebar-trigger-button": name("Fermer le volet latéral", "Close the sidebar"),
  "#header #sidebar-trigger-button": name("Ouvrir le volet latéral", "Open the sidebar"),
  "#chat-profiles": name("Conserver cette conversation ou non", "Keep this conversation or not"),
  "#search-chats-button": name("Chercher dans les conversations", "Search conversations"),
  "[cmdk-input]": name("Chercher dans les conversations", "Search conversations"),
  "#new-chat-button": name("Nouvelle conversation", "New conversation"),
  "#upload-button, #upload-button-loading": name("Joindre des fichiers", "Attach files"),
  "#upload-button-input, [id='#upload-drop-input']": name("Joindre des fichiers", "Attach files"),
  "#chat-settings-open-modal": name("Réglages de la conversation", "Settings of this conversation"),
  ".favorite-popover-wrapper button": name("Messages favoris", "Favorite messages"),
  "#chat-submit": name("Envoyer", "Send"),
  "#stop-button": name("Arrêter la réponse", "Stop the answer"),
  "#chat-input": name("Votre message", "Your message"),
  "#edit-chat-input": name("Modifier votre message", "Edit your message"),
  ".edit-message": name("Modifier", "Edit"),
  ".favorite-message": name("Favori", "Favorite"),
  "button:has(> .lucide-copy, > .lucide-check)": name("Copier", "Copy"),
  "[class*=positive-feedback-]": name("Utile", "Helpful"),
  "[class*=negative-feedback-]": name("Pas utile", "Not helpful"),
  "button:has(> .lucide-message-circle)": name("Modifier votre commentaire", "Edit your comment"),
  "[role=dialog]:has(#submit-feedback) textarea": name("Votre commentaire", "Your comment"),
  "button[id^=retry-]:empty, button[id^=retry-]:has(> svg:only-child)": name("Réessayer", "Try again"),
  "button:has(> .lucide-arrow-down)": name("Aller à la fin", "Go to the end"),
  "button:has(> .lucide-eye, > .lucide-eye-off)": name("Afficher ou masquer le mot de passe", "Show or hide the password"),
  "#user-nav-button": name("Votre compte", "Your account"),
  "label button:has(> .lucide-info)": name("À quoi cela sert", "What this is for"),
  "#attachments button": name("Retirer la pièce jointe", "Remove the attachment"),
  "#side-view-title button": name("Fermer", "Close"),
  ".sticky button:has(> .lucide-chevron-left)": name("Page précédente", "Previous page"),
  ".sticky button:has(> .lucide-chevron-right)": name("Page suivante", "Next page"),
  ".sticky button:has(> .lucide-zoom-out)": name("Réduire", "Zoom out"),
  ".sticky button:has(> .lucide-zoom-in)": name("Agrandir", "Zoom in"),
  "[role=dialog]:has(> div > button[aria-label] + img)": name("Image en grand", "Larger picture"),
};
for (const [selector, label] of Object.entries(names)) {
  addedOf(selector, (element) => element.setAttribute("aria-label", label));
}

// A button that is on or off says so with its colour only.
const states = ["positive-feedback-on", "negative-feedback-on", "text-yellow-500"];
const press = (button) =>
  button.setAttribute("aria-pressed", states.some((state) => button.classList.contains(state)));
const pressed = new MutationObserver((changes) => changes.forEach(({ target }) => press(target)));
addedOf("[class*=-feedback-], .favorite-message", (button) => {
  press(button);
  pressed.observe(button, { attributeFilter: ["class"] });
});

// The picture of a file dialog's button hides it from screen readers.
addedOf("#upload-button, #upload-button-loading", (button) => button.removeAttribute("role"));

// All of the conversation takes files that are dropped, and Tab would stop at it as a whole.
addedOf("[id='#upload-drop-input']", (input) => input.parentElement.removeAttribute("tabindex"));

// A link of the header stands in a button that does nothing.
addedOf("#header button > a", (link) => {
  const library = link.pathname.endsWith("/library");
  link.setAttribute("aria-label", library ? name("Bibliothèque", "Library") : name("Compte et sessions", "Account and sessions"));
  link.parentElement.tabIndex = -1;
  link.parentElement.setAttribute("role", "group");
  link.parentElement.setAttribute("aria-label", link.getAttribute("aria-label"));
});

// A list may hold lines only.
addedOf("#thread-history", (history) => history.parentElement.setAttribute("role", "none"));
addedOf("[data-sonner-toaster]", (toasts) => toasts.setAttribute("role", "group"));

// The label of a slider is tied to an element around the one that takes the keys.
addedOf("[role=slider]", (thumb) => {
  const slider = thumb.closest("[id]");
  const label = slider && document.querySelector(`label[for="${CSS.escape(slider.id)}"]`);
  if (label) thumb.setAttribute("aria-label", label.firstChild.textContent);
});

// A picture opens when it is clicked; a keyboard cannot click a picture.
addedOf("img.inline-image", (picture) => {
  picture.tabIndex = 0;
  picture.setAttribute("role", "button");
  picture.setAttribute("aria-label", `${name("Agrandir", "Enlarge")} ${picture.alt}`);
  picture.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    picture.click();
  });
});

// What scrolls can be scrolled with the keys.
addedOf(".prose pre code, .prose .overflow-auto, .side-pdf .overflow-auto, .prose .katex-display, [cmdk-list]", (box) => (box.tabIndex = 0));

addedOf(".side-text .overflow-auto", (box) => {
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", name("Lignes du fichier", "Rows of the file"));
});

// The sidebar of a small screen is a dialog with a title that nobody wrote.
addedOf("[data-sidebar=sidebar][data-mobile]", (sheet) => {
  sheet.removeAttribute("aria-labelledby");
  sheet.removeAttribute("aria-describedby");
  sheet.setAttribute("aria-label", "Conversations");
});
