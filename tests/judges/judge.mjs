// Judges records: node judge.mjs SCHEMAS QUESTIONS ANSWERS
// QUESTIONS has lines {schema, text}. A line of ANSWERS has the refusals of the outside validator (`ajv`) and of
// records.ts (`ts`), null where there are none; whether the outside validator refuses without `x-rules` (`bare`); and
// which rules are broken, when nothing else is wrong (`rules`).

import { readFileSync, writeFileSync } from "node:fs";
import { outsiders } from "./outsiders.mjs";
import { parseLine } from "./compiled/records.js";

const [schemas, questions, answers] = process.argv.slice(2);
const ajv = outsiders(schemas, { rules: true, allErrors: true });
const bare = outsiders(schemas, { rules: false });

function judged({ schema, text }) {
  const value = JSON.parse(text);
  const validate = ajv.get(schema);
  const errors = validate(value) ? [] : validate.errors;
  const parsed = parseLine(schema, text);
  const told = (refusals) => (refusals.length ? refusals.join("; ") : null);
  const only = errors.every(({ keyword }) => keyword === "x-rules");
  return {
    ajv: told(errors.map(({ instancePath, message }) => `${instancePath}: ${message}`)),
    bare: !bare.get(schema)(value),
    ts: told(parsed.ok ? [] : parsed.refusals.map(({ path, reason }) => `${path}: ${reason}`)),
    rules: only ? [...new Set(errors.map(({ params }) => params.rule))].sort() : [],
  };
}

const lines = readFileSync(questions, "utf8").split("\n").filter(Boolean);
writeFileSync(answers, lines.map((line) => JSON.stringify(judged(JSON.parse(line))) + "\n").join(""));
