// The same module as `require` gives: an error is an instance of the one class.

export type * from "./index.js";
export { AbortError, KmsError, KmsManager, listClusters, rules, toHtml, toMarkdown, version } from "./index.js";
