// Answers one line of JSON {op, given} with one line: the text that JavaScript makes of it, or null.
const { createInterface } = require("node:readline");

const refuse = (value) => {
  throw new Error(String(value));
};
const mapped = (value, change) =>
  Object.fromEntries(Object.keys(value).sort().map((key) => [key, change(value[key])]));
const sorted = (value) =>
  value === null || typeof value !== "object" ? value : Array.isArray(value) ? value.map(sorted) : mapped(value, sorted);
const canonical = (value) => {
  if (typeof value === "number" && !Number.isFinite(value)) refuse(value);
  if (typeof value === "string" && !value.isWellFormed()) refuse(value);
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
};
const operations = {
  stored: (given) => JSON.stringify(JSON.parse(given)),
  javascript: (given) => JSON.stringify(sorted(JSON.parse(given))),
  jcs: (given) => canonical(JSON.parse(given)),
  indented: (given) => JSON.stringify(JSON.parse(given), null, 2),
  iso: (given) => new Date(given).toISOString(),
  ms: (given) => String(new Date(given).getTime()),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const { op, given } = JSON.parse(line);
  let made = null;
  try {
    made = operations[op](given);
  } catch {}
  console.log(JSON.stringify(made));
});
