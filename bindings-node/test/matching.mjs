// Whether what was seen is what a conformance case expects: see tests/conformance/README.md.

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Where `actual` lacks something that `expected` names; undefined: nothing is missing. */
export function mismatch(expected, actual, at = "$") {
  if (isObject(expected) && isObject(actual)) {
    for (const [name, value] of Object.entries(expected)) {
      if (value === null && !(name in actual)) continue;
      const why = name in actual ? mismatch(value, actual[name], `${at}.${name}`) : `${at}.${name} is missing`;
      if (why !== undefined) return why;
    }
    return undefined;
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) {
      return `${at} has ${actual.length} entries instead of ${expected.length}: ${JSON.stringify(actual)}`;
    }
    for (const [index, one] of expected.entries()) {
      const why = mismatch(one, actual[index], `${at}[${index}]`);
      if (why !== undefined) return why;
    }
    return undefined;
  }
  return expected === actual ? undefined : `${at} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`;
}

/** Where the writes that were seen are not those expected; undefined: they are. */
export function writesMismatch(expected, actual) {
  if (expected.length !== actual.length) {
    return `${actual.length} writes instead of ${expected.length}: ${JSON.stringify(actual)}`;
  }
  const index = expected.findIndex((one, position) => !isWrite(one, actual[position]));
  return index === -1 ? undefined : `write ${index} is not the one expected: ${JSON.stringify(actual)}`;
}

function isWrite(expected, actual) {
  if ("patch_secrets" in expected || "patch_secrets" in actual) return expected.patch_secrets === actual.patch_secrets;
  return (
    expected.target === actual.target &&
    expected.method === actual.method &&
    actual.path.includes(expected.path) &&
    (expected.body == null || mismatch(expected.body, actual.body) === undefined)
  );
}
