// The same module as `require` gives: an error is an instance of the one class.

export type * from "./index.js";
export { AbortError, Fleet, KmsError, KmsManager, listClusters, rules, toHtml, toMarkdown, toText, version } from "./index.js";
