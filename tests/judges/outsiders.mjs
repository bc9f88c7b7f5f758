// The JSON Schema validator that distilld's authors did not write, twice: with `x-rules`, and bare.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv/dist/2020.js";
import equal from "fast-deep-equal";

// Over what the rule's pointers lead to, from the object that carries it.
const RULES = {
  differ: ([a, b], { folded }) => !equal(folded ? fold(a) : a, folded ? fold(b) : b),
  equal: ([a, b]) => equal(a, b),
  at_most: ([a, b]) => ![a, b].every(Number.isFinite) || a <= b,
  sum: ([total, ...parts]) => ![total, ...parts].every(Number.isFinite) || total === parts.reduce((a, b) => a + b),
  member: ([item, list]) => !Array.isArray(list) || list.some((other) => equal(item, other)),
  sorted: ([list]) => !isTexts(list) || equal(list, [...list].sort()),
};

const isTexts = (list) => Array.isArray(list) && list.every((item) => typeof item === "string");
const fold = (value) =>
  typeof value === "string" ? value.normalize("NFC").split(/\p{White_Space}/u).filter(Boolean).join(" ") : value;
const at = (value, pointer) => steps(pointer).reduce(own, value);
const own = (object, name) => (Object.hasOwn(Object(object), name) ? object[name] : undefined);
const steps = (pointer) => pointer.split("/").slice(1).map((step) => step.replace(/~1/g, "/").replace(/~0/g, "~"));

/** The word of the first rule that an object breaks; a rule on a missing member holds. */
function broken(rules, object) {
  const word = (rule) => Object.keys(rule).find((name) => name in RULES);
  const holds = (rule) => {
    const values = [rule[word(rule)]].flat(2).map((pointer) => at(object, pointer));
    return values.includes(undefined) || RULES[word(rule)](values, rule);
  };
  const found = rules.find((rule) => !holds(rule));
  return found && word(found);
}

/** Validators of all schemas in a folder, by published name. */
export function outsiders(folder, { rules, allErrors = false }) {
  // A branch of `if` may well require what the object around it defines, or constrain what it gives a type.
  const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, ownProperties: true, allErrors });
  ajv.addVocabulary(["x-unit"]);
  const validate = (schema, object) => {
    const rule = broken(schema, object);
    validate.errors = [{ keyword: "x-rules", params: { rule }, message: `breaks ${rule}` }];
    return rule === undefined;
  };
  if (rules) ajv.addKeyword({ keyword: "x-rules", type: "object", schemaType: "array", validate });
  else ajv.addVocabulary(["x-rules"]);
  const names = readdirSync(folder).filter((name) => name.endsWith(".schema.json")).sort();
  const compiled = (name) => ajv.compile(JSON.parse(readFileSync(join(folder, name), "utf8")));
  return new Map(names.map((name) => [name.replace(".schema.json", ""), compiled(name)]));
}
