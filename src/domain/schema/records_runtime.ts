/** Why a value is not of a shape. */
export interface Refusal {
  /** JSON pointer to the member that is wrong; "" is the whole value. */
  readonly path: string;
  /** What is wrong with it. */
  readonly reason: string;
}

/** What became of a line: the record, or why it is none. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/** The published shapes by name. */
export type RecordName = keyof RecordTypes;

/** Judges a value by the shape of that name; no refusal means that it is of the shape. */
export function validate(name: RecordName, value: unknown): Refusal[] {
  const refusals: Refusal[] = [];
  const root = SCHEMAS[name];
  judge(root, value, "", { root, refusals });
  return refusals;
}

/** Reads one line of JSON as a record of the shape of that name. */
export function parseLine<Name extends RecordName>(name: Name, line: string): Parsed<RecordTypes[Name]> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { ok: false, refusals: [{ path: "", reason: `is not JSON: ${String(error)}` }] };
  }
  const refusals = validate(name, value);
  return refusals.length === 0 ? { ok: true, value: value as RecordTypes[Name] } : { ok: false, refusals };
}

// What follows interprets exactly the part of JSON Schema 2020-12 that the published schemas use, and `x-rules`,
// which relates members of one object to each other. A schema with any other keyword is refused when this file is made.

type Schema = boolean | Keywords;

interface Keywords {
  readonly $ref?: string;
  readonly $defs?: { readonly [name: string]: Schema };
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly items?: Schema;
  readonly properties?: { readonly [name: string]: Schema };
  readonly required?: readonly string[];
  readonly dependentRequired?: { readonly [name: string]: readonly string[] };
  readonly additionalProperties?: Schema;
  readonly propertyNames?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly if?: Schema;
  readonly then?: Schema;
  readonly else?: Schema;
  readonly not?: Schema;
  readonly "x-rules"?: readonly Rule[];
}

/** Relates members of one object, named by JSON pointers from it; a rule on a missing member holds. */
type Rule =
  | { readonly differ: readonly [string, string]; readonly folded?: boolean }
  | { readonly equal: readonly [string, string] }
  | { readonly at_most: readonly [string, string] }
  | { readonly sum: readonly [string, readonly string[]] }
  | { readonly member: readonly [string, string] }
  | { readonly sorted: string };

/** What a judgement needs beside the value: where `$ref` starts from, and where refusals go. */
interface Case {
  readonly root: Schema;
  readonly refusals: Refusal[];
}

type Members = { readonly [name: string]: unknown };

const PATTERNS = new Map<string, RegExp>();

function judge(schema: Schema, value: unknown, path: string, of: Case): void {
  if (typeof schema === "boolean") {
    if (!schema) refuse(of, path, "is not allowed here");
    return;
  }
  if (schema.$ref !== undefined) judge(definition(schema.$ref, of.root), value, path, of);
  if (schema.type !== undefined && !isOfType(schema.type, value)) {
    // The other keywords have nothing to say of a value of another type.
    refuse(of, path, `is ${kindOf(value)}, not ${[schema.type].flat().join(" or ")}`);
    return;
  }
  if (schema.const !== undefined && !same(value, schema.const)) {
    refuse(of, path, `is not ${JSON.stringify(schema.const)}`);
  }
  if (schema.enum !== undefined && !schema.enum.some((allowed) => same(value, allowed))) {
    refuse(of, path, `is none of ${schema.enum.map((allowed) => JSON.stringify(allowed)).join(", ")}`);
  }
  if (typeof value === "string") judgeText(schema, value, path, of);
  if (typeof value === "number") judgeNumber(schema, value, path, of);
  if (Array.isArray(value)) judgeList(schema, value, path, of);
  if (isObject(value)) judgeObject(schema, value, path, of);
  judgeForms(schema, value, path, of);
}

function judgeText(schema: Keywords, text: string, path: string, of: Case): void {
  // Lengths count characters, of at most two UTF-16 units each.
  const least = schema.minLength ?? 0;
  if ([...text.slice(0, 2 * least)].length < least) {
    refuse(of, path, text === "" ? "is empty" : `is shorter than ${least} characters`);
  }
  if (schema.pattern !== undefined && !patternOf(schema.pattern).test(text)) {
    refuse(of, path, `does not match ${schema.pattern}`);
  }
}

function judgeNumber(schema: Keywords, number: number, path: string, of: Case): void {
  if (schema.minimum !== undefined && number < schema.minimum) {
    refuse(of, path, `is less than ${schema.minimum}`);
  }
  if (schema.maximum !== undefined && number > schema.maximum) {
    refuse(of, path, `is more than ${schema.maximum}`);
  }
  if (schema.exclusiveMinimum !== undefined && number <= schema.exclusiveMinimum) {
    refuse(of, path, `is not more than ${schema.exclusiveMinimum}`);
  }
}

function judgeList(schema: Keywords, list: readonly unknown[], path: string, of: Case): void {
  if (schema.minItems !== undefined && list.length < schema.minItems) {
    refuse(of, path, list.length === 0 ? "is empty" : `has fewer than ${schema.minItems} items`);
  }
  if (schema.maxItems !== undefined && list.length > schema.maxItems) {
    refuse(of, path, `has more than ${schema.maxItems} items`);
  }
  if (schema.uniqueItems === true && new Set(list.map(canonical)).size < list.length) {
    refuse(of, path, "has an item twice");
  }
  const items = schema.items;
  if (items !== undefined) list.forEach((item, at) => judge(items, item, `${path}/${at}`, of));
}

function judgeObject(schema: Keywords, object: Members, path: string, of: Case): void {
  for (const name of schema.required ?? []) {
    if (!has(object, name)) refuse(of, member(path, name), "is missing");
  }
  for (const [name, others] of Object.entries(schema.dependentRequired ?? {})) {
    for (const other of has(object, name) ? others : []) {
      if (!has(object, other)) refuse(of, member(path, other), `is missing beside ${name}`);
    }
  }
  for (const [name, value] of Object.entries(object)) {
    if (schema.propertyNames !== undefined) judge(schema.propertyNames, name, member(path, name), of);
    const known = schema.properties;
    const expected = known !== undefined && has(known, name) ? known[name] : schema.additionalProperties;
    if (expected === false) refuse(of, member(path, name), "is unknown");
    else if (expected !== undefined) judge(expected, value, member(path, name), of);
  }
  for (const rule of schema["x-rules"] ?? []) judgeRule(rule, object, path, of);
}

function judgeForms(schema: Keywords, value: unknown, path: string, of: Case): void {
  for (const form of schema.allOf ?? []) judge(form, value, path, of);
  if (schema.anyOf !== undefined) {
    const trials = schema.anyOf.map((form) => trial(form, value, path, of));
    if (trials.every((refusals) => refusals.length > 0)) {
      const reasons = trials.map(([first]) => `${first?.path.slice(path.length)} ${first?.reason}`.trim());
      refuse(of, path, `is of none of ${trials.length} forms (${[...new Set(reasons)].join("; ")})`);
    }
  }
  if (schema.not !== undefined && trial(schema.not, value, path, of).length === 0) {
    refuse(of, path, "is of a form that is not allowed here");
  }
  if (schema.if !== undefined) {
    const holds = trial(schema.if, value, path, of).length === 0;
    judge((holds ? schema.then : schema.else) ?? true, value, path, of);
  }
}

function judgeRule(rule: Rule, object: Members, path: string, of: Case): void {
  const at = (pointer: string): unknown => resolve(object, pointer);
  if ("differ" in rule) {
    const [a, b] = rule.differ;
    const fold = (value: unknown): unknown => (rule.folded === true && isText(value) ? folded(value) : value);
    if (at(a) !== undefined && at(b) !== undefined && same(fold(at(a)), fold(at(b)))) {
      refuse(of, path + a, `is the same as ${b}`);
    }
  } else if ("equal" in rule) {
    const [a, b] = rule.equal;
    if (at(a) !== undefined && at(b) !== undefined && !same(at(a), at(b))) {
      refuse(of, path + a, `is not the same as ${b}`);
    }
  } else if ("at_most" in rule) {
    const [low, high] = rule.at_most.map(at);
    if (typeof low === "number" && typeof high === "number" && low > high) {
      refuse(of, path + rule.at_most[0], `is more than ${rule.at_most[1]}`);
    }
  } else if ("sum" in rule) {
    const [total, ...parts] = [rule.sum[0], ...rule.sum[1]].map(at);
    if (typeof total === "number" && parts.every(isNumber) && parts.reduce((sum, part) => sum + part, 0) !== total) {
      refuse(of, path + rule.sum[0], `is not the sum of ${rule.sum[1].join(", ")}`);
    }
  } else if ("member" in rule) {
    const [item, list] = rule.member.map(at);
    if (item !== undefined && Array.isArray(list) && !list.some((other) => same(item, other))) {
      refuse(of, path + rule.member[0], `is not in ${rule.member[1]}`);
    }
  } else {
    const list = at(rule.sorted);
    if (Array.isArray(list) && list.every(isText) && list.some((text, i) => i > 0 && text < String(list[i - 1]))) {
      refuse(of, path + rule.sorted, "is not sorted");
    }
  }
}

function trial(schema: Schema, value: unknown, path: string, of: Case): Refusal[] {
  const refusals: Refusal[] = [];
  judge(schema, value, path, { root: of.root, refusals });
  return refusals;
}

function refuse(of: Case, path: string, reason: string): void {
  of.refusals.push({ path, reason });
}

/** The schema that `#/$defs/NAME` names. */
function definition(reference: string, root: Schema): Schema {
  const found = typeof root === "boolean" ? undefined : root.$defs?.[reference.slice("#/$defs/".length)];
  if (found === undefined) throw new Error(`the schema has no ${reference}`);
  return found;
}

function patternOf(source: string): RegExp {
  const known = PATTERNS.get(source) ?? new RegExp(source, "u");
  PATTERNS.set(source, known);
  return known;
}

function isOfType(type: string | readonly string[], value: unknown): boolean {
  const kind = kindOf(value);
  // 1.0 is an integer, as JSON Schema has it.
  return [type].flat().some((name) => name === kind || (name === "number" && kind === "integer"));
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number" && Number.isFinite(value)) return Number.isInteger(value) ? "integer" : "number";
  return typeof value === "number" ? "no finite number" : typeof value;
}

function isObject(value: unknown): value is Members {
  return kindOf(value) === "object";
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

// Of the object's own: a record may well have a member that is called "constructor".
function has(object: object, name: string): boolean {
  return Object.prototype.hasOwnProperty.call(object, name);
}

function member(path: string, name: string): string {
  return `${path}/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`;
}

/** What a JSON pointer leads to from `object`; undefined when there is nothing. */
function resolve(object: Members, pointer: string): unknown {
  let found: unknown = object;
  for (const step of pointer.split("/").slice(1)) {
    const name = step.replace(/~1/g, "/").replace(/~0/g, "~");
    if (typeof found !== "object" || found === null || !has(found, name)) return undefined;
    found = (found as Members)[name];
  }
  return found;
}

function same(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && typeof b === "object" && canonical(a) === canonical(b));
}

/** One text for all JSON values that are equal, whatever the order of their members. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? "undefined";
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`);
  return `{${members.join(",")}}`;
}

/** NFC, with every run of white space as one space, and none at the ends. */
function folded(text: string): string {
  return text.normalize("NFC").replace(/\p{White_Space}+/gu, " ").replace(/^ | $/g, "");
}
