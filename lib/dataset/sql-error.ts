import { type ExitCode, exitCode, Interrupted, PowerkiError } from "../schema/errors.ts";
import { nearest } from "./nearest.ts";

/** Names that a query can use: columns by table or view. */
export type Names = ReadonlyMap<string, readonly string[]>;

/** Kinds of DuckDB errors that the writer of the query can mend; the others are the engine's or the data's. */
const ownKinds = new Set([
	"Parser",
	"Binder",
	"Catalog",
	"Conversion",
	"Invalid Input",
	"Out of Range",
	"Not implemented",
]);

/** An error of DuckDB in powerki's words: what, where (line and caret), the nearest name. */
export function sqlError(error: unknown, sql: string, names: Names): PowerkiError {
	if (error instanceof PowerkiError) return error;
	const message = (error instanceof Error ? error.message : String(error)).replace(
		/^Failed to [a-z ]+: /,
		"",
	);
	const [first, ...rest] = message.split("\n");
	const [, kind, what] = /^([A-Z][A-Za-z ]*?) Error: (.*)$/.exec(first) ?? [null, "", first];
	if (kind === "INTERRUPT") return new Interrupted();
	const at = rest.findIndex((l) => /^LINE \d+: /.test(l));
	const where = at < 0 ? [] : rest.slice(at, at + 2).map((l) => l.trimEnd());
	const hint = suggestion(what ?? "", sql, names);
	const candidates = rest
		.slice(0, at < 0 ? rest.length : at)
		.filter((l) => l.trim() !== "" && !/^Did you mean/i.test(l) && !/^Candidate bindings/.test(l));
	const code: ExitCode = ownKinds.has(kind ?? "") ? exitCode.usage : exitCode.engine;
	const remedy = remedies.find(([pattern]) => pattern.test(message))?.[1];
	return new PowerkiError(
		code,
		headline(what ?? first),
		[
			...where,
			...(hint === null ? [] : [hint]),
			...(remedy === undefined ? [] : [remedy]),
			...candidates.map((l) => l.trim()),
		],
		{ cause: error },
	);
}

const remedies: readonly (readonly [RegExp, string])[] = [
	[
		/^Out of Memory Error/,
		"aggregate or filter more in the query, or open the dataset with a larger memoryLimit",
	],
	[/^Permission Error/, "SQL can read and write only in the dataset and the directories given as outDirs"],
	[/No files found that match|Cannot open file/, "a file of the dataset is missing: collect the trace again"],
];

/** Lower case at the start, one line of at most 100 columns. */
function headline(text: string): string {
	const plain = text.replace(/!$/, "").trim();
	const lower = /^[A-Z][a-z ]/.test(plain) ? plain[0].toLowerCase() + plain.slice(1) : plain;
	return lower.length <= 100 ? lower : `${lower.slice(0, 99)}…`;
}

function suggestion(what: string, sql: string, names: Names): string | null {
	const table = /^Table with name (\S+) does not exist/.exec(what)?.[1];
	if (table !== undefined) {
		const near = nearest(table, names.keys());
		return near === null
			? `tables: ${[...names.keys()].slice(0, 12).join(", ")}, … (SHOW TABLES lists all)`
			: `did you mean "${near}"?`;
	}
	const column =
		/column "([^"]+)" not found/.exec(what)?.[1] ?? /does not have a column named "([^"]+)"/.exec(what)?.[1];
	if (column === undefined) return null;
	const words = new Set(sql.toLowerCase().match(/[a-z_][a-z0-9_]*/g) ?? []);
	const used = [...names].filter(([name]) => words.has(name.toLowerCase()));
	const owners = used.filter(([, columns]) => columns.includes(column)).map(([name]) => name);
	if (owners.length > 0) return `"${column}" is a column of ${owners.join(", ")}`;
	const near = nearest(
		column,
		used.flatMap(([, columns]) => columns),
	);
	if (near !== null) return `did you mean "${near}"?`;
	return used.length === 0
		? null
		: used.map(([name, columns]) => `columns of ${name}: ${columns.join(", ")}`).join("; ");
}
