/**
 * Conditions on what a report shows, in the user's words: `name = 'dd' AND NOT cpu IN (0, 1)`,
 * `process = 1234 OR name ~ 'order-w*'`. They are parsed here and become SQL with bound values.
 */
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { type Fragment, fragment, join, raw } from "./fragment.ts";
import { nearest } from "./nearest.ts";

/** What a condition can speak of, with the type of its values. */
export const whereFields = {
	thread: "number",
	process: "number",
	name: "text",
	cpu: "number",
	device: "text",
} as const;
export type WhereField = keyof typeof whereFields;

export type Comparison = "=" | "!=" | "<" | "<=" | ">" | ">=";

export type Condition =
	| { readonly op: "and" | "or"; readonly parts: readonly Condition[] }
	| { readonly op: "not"; readonly part: Condition }
	| { readonly op: Comparison; readonly field: WhereField; readonly value: number | string }
	| { readonly op: "in"; readonly field: WhereField; readonly values: readonly (number | string)[] }
	/** Shell pattern: * any text, ? any character. */
	| { readonly op: "~"; readonly field: WhereField; readonly pattern: string };

interface Token {
	readonly text: string;
	readonly kind: "word" | "number" | "string" | "operator" | "end";
	readonly at: number;
}

const tokenPattern =
	/\s*(?:(\d+)(?![\w.])|'((?:[^']|'')*)'|"([^"]*)"|(!=|<>|<=|>=|[=<>~(),])|([A-Za-z_][\w./:-]*))/y;

function tokenize(text: string): Token[] {
	const tokens: Token[] = [];
	tokenPattern.lastIndex = 0;
	for (;;) {
		const start = tokenPattern.lastIndex;
		const m = tokenPattern.exec(text);
		if (m === null) {
			if (text.slice(start).trim() !== "")
				throw fault(text, start + text.slice(start).search(/\S/), "this is not understood");
			tokens.push({ text: "", kind: "end", at: text.length });
			return tokens;
		}
		const at = start + m[0].search(/\S/);
		if (m[1] !== undefined) tokens.push({ text: m[1], kind: "number", at });
		else if (m[2] !== undefined) tokens.push({ text: m[2].replaceAll("''", "'"), kind: "string", at });
		else if (m[3] !== undefined) tokens.push({ text: m[3], kind: "string", at });
		else if (m[4] !== undefined) tokens.push({ text: m[4] === "<>" ? "!=" : m[4], kind: "operator", at });
		else tokens.push({ text: m[5], kind: "word", at });
	}
}

function fault(text: string, at: number, what: string, more: readonly string[] = []): PowerkiError {
	return new PowerkiError(exitCode.usage, `the condition is wrong: ${what}`, [
		text,
		`${" ".repeat(at)}^`,
		...more,
		"example: name = 'dd' AND NOT cpu IN (0, 1), or name ~ 'worker*'",
	]);
}

/**
 * Parses a condition. Fields: thread (tid), process (pid), name (of the thread), cpu, device (name). Operators: =, !=,
 * <, <=, >, >=, IN (…), ~ (shell pattern), AND, OR, NOT, parentheses; AND binds tighter than OR.
 * @throws PowerkiError (usage) with a caret under the place
 */
export function parseWhere(text: string): Condition {
	const tokens = tokenize(text);
	let next = 0;
	const peek = () => tokens[next];
	const isWord = (word: string) => peek().kind === "word" && peek().text.toUpperCase() === word;
	const expect = (operator: string) => {
		if (peek().kind !== "operator" || peek().text !== operator)
			throw fault(text, peek().at, `"${operator}" is expected`);
		next++;
	};
	const list = (op: "and" | "or", one: () => Condition): Condition => {
		const parts = [one()];
		while (isWord(op.toUpperCase())) {
			next++;
			parts.push(one());
		}
		return parts.length === 1 ? parts[0] : { op, parts };
	};
	const or = (): Condition => list("or", and);
	const and = (): Condition => list("and", not);
	const not = (): Condition => {
		if (isWord("NOT")) {
			next++;
			return { op: "not", part: not() };
		}
		if (peek().kind === "operator" && peek().text === "(") {
			next++;
			const inner = or();
			expect(")");
			return inner;
		}
		return comparison();
	};
	const value = (field: WhereField): number | string => {
		const t = peek();
		next++;
		if (t.kind === "number" && whereFields[field] === "number") return Number(t.text);
		// A bare word is a name: name = dd
		if ((t.kind === "string" || t.kind === "word" || t.kind === "number") && whereFields[field] === "text")
			return t.text;
		throw fault(
			text,
			t.at,
			whereFields[field] === "number" ? `${field} is compared with a number` : "a name is expected",
		);
	};
	const comparison = (): Condition => {
		const t = peek();
		const name = t.text.toLowerCase();
		if (t.kind !== "word" || !(name in whereFields)) {
			const near = nearest(name, Object.keys(whereFields));
			throw fault(text, t.at, t.kind === "end" ? "it ends too early" : `"${t.text}" is no field`, [
				near === null ? `fields: ${Object.keys(whereFields).join(", ")}` : `did you mean "${near}"?`,
			]);
		}
		const field = name as WhereField;
		next++;
		const negated = isWord("NOT");
		if (negated) next++;
		if (isWord("IN")) {
			next++;
			expect("(");
			const values = [value(field)];
			while (peek().kind === "operator" && peek().text === ",") {
				next++;
				values.push(value(field));
			}
			expect(")");
			const condition: Condition = { op: "in", field, values };
			return negated ? { op: "not", part: condition } : condition;
		}
		const op = peek();
		if (negated || op.kind !== "operator" || !/^(=|!=|<=?|>=?|~)$/.test(op.text))
			throw fault(text, op.at, "an operator is expected (=, !=, <, <=, >, >=, IN, ~)");
		next++;
		if (op.text !== "~") return { op: op.text as Comparison, field, value: value(field) };
		if (whereFields[field] !== "text") throw fault(text, op.at, `${field} is a number: ~ is for names`);
		return { op: "~", field, pattern: String(value(field)) };
	};
	const condition = or();
	if (peek().kind !== "end") throw fault(text, peek().at, "AND or OR is expected");
	return condition;
}

/** SQL expressions for the fields that a query can filter by. */
export type WhereColumns = Readonly<Partial<Record<WhereField, string>>>;

/**
 * SQL of a condition. What is unknown (NULL) fulfils no comparison, and `NOT` of it neither.
 * @throws PowerkiError (usage) if the query has no such field
 */
export function whereSql(condition: Condition | undefined, columns: WhereColumns): Fragment {
	if (condition === undefined) return raw("TRUE");
	const column = (field: WhereField): Fragment => {
		const sql = columns[field];
		if (sql === undefined)
			throw new PowerkiError(exitCode.usage, `this report cannot be filtered by ${field}`, [
				`it can be by: ${Object.keys(columns).join(", ")}`,
			]);
		return raw(sql);
	};
	switch (condition.op) {
		case "and":
		case "or":
			return fragment`(${join(
				condition.parts.map((p) => whereSql(p, columns)),
				condition.op === "and" ? " AND " : " OR ",
			)})`;
		case "not":
			return fragment`(NOT ${whereSql(condition.part, columns)})`;
		case "in":
			return fragment`(${column(condition.field)} = ANY(${condition.values}))`;
		case "~":
			return fragment`(${column(condition.field)} LIKE ${likePattern(condition.pattern)} ESCAPE '\\')`;
		default:
			return fragment`(${column(condition.field)} ${raw(condition.op === "!=" ? "<>" : condition.op)} ${condition.value})`;
	}
}

function likePattern(shell: string): string {
	return shell
		.replace(/[\\%_]/g, "\\$&")
		.replaceAll("*", "%")
		.replaceAll("?", "_");
}

/** The fields that a condition speaks of. */
export function fieldsOf(condition: Condition): ReadonlySet<WhereField> {
	switch (condition.op) {
		case "and":
		case "or":
			return new Set(condition.parts.flatMap((p) => [...fieldsOf(p)]));
		case "not":
			return fieldsOf(condition.part);
		default:
			return new Set([condition.field]);
	}
}
