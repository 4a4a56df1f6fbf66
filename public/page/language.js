// The language of the page: French, or English for everybody else, as Chainlit chooses it.
export const french = /^fr\b/i.test(navigator.language);
document.documentElement.lang = french ? "fr" : "en";
