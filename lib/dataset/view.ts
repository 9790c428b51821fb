/**
 * A view comes as one `.sql` file. It starts with comment lines that say what a row is and document each column:
 *
 *     -- run_queue_wait: one wait of a thread for a CPU
 *     -- trace: trace
 *     -- dur: length of the wait [ns]
 *     SELECT …
 *
 * The text below the comments is one SELECT in the subset of SQL that DuckDB and Trino share.
 */
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { quoteIdentifier } from "../schema/layout.ts";

export interface View {
	readonly name: string;
	/** What a row is. */
	readonly doc: string;
	readonly columns: readonly { readonly name: string; readonly doc: string; readonly unit?: string }[];
	/** One SELECT, without semicolon. */
	readonly select: string;
}

/** @throws PowerkiError (bug) if the head is not as described */
export function parseView(text: string): View {
	const lines = text.split("\n");
	const entries: { name: string; doc: string }[] = [];
	let at = 0;
	for (; at < lines.length && lines[at].startsWith("--"); at++) {
		const entry = /^-- ([a-z_][a-z0-9_]*): (.+)$/.exec(lines[at]);
		const more = /^-- {3}(.+)$/.exec(lines[at]);
		if (entry !== null) entries.push({ name: entry[1], doc: entry[2] });
		else if (more !== null && entries.length > 0) entries[entries.length - 1].doc += ` ${more[1]}`;
		else throw new PowerkiError(exitCode.bug, `head of a view is not "-- name: text": ${lines[at]}`);
	}
	const select = lines.slice(at).join("\n").trim().replace(/;$/, "");
	const [head, ...columns] = entries;
	if (head === undefined || select === "")
		throw new PowerkiError(exitCode.bug, "a view needs a documented name and a SELECT");
	return {
		...head,
		columns: columns.map((c) => {
			const [, doc, unit] = /^(.*?)(?: \[([a-z]+)\])?$/.exec(c.doc) as RegExpExecArray;
			return { name: c.name, doc, ...(unit === undefined ? {} : { unit }) };
		}),
		select,
	};
}

export function createViewSql(view: View): string {
	return `CREATE OR REPLACE VIEW ${quoteIdentifier(view.name)} AS ${view.select}`;
}
