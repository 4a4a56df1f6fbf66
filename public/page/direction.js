// What people write and what they called it is read in its own direction; messages: markdown.js.
import { addedOf } from "./added.js";

const written = "textarea, input[type=text], input:not([type]), li[id^=thread-] .truncate, [cmdk-item] > div";
addedOf(written, (element) => (element.dir = "auto"));
