import type { Dataset } from "../dataset/dataset.ts";
import { type QueryParameters, type Scope, scopeOf } from "../dataset/scope.ts";
import { fieldsOf, type WhereField } from "../dataset/where.ts";
import { exitCode, PowerkiError } from "../schema/errors.ts";

/** Rows of a table where the user names no number. */
export const defaultTop = 10;

/** Parameters of reports, with what to write; every report takes all but the last. */
export const parameterNames: Readonly<Record<string, string>> = {
	trace: "trace of the dataset: id, its beginning, or host; needed where the dataset has several",
	window: "A..B in seconds from the start of the trace",
	where: "condition on thread, process, name, cpu, device",
	top: `rows of a table (${defaultTop})`,
	event: "sampled event, such as cycles (cpu-profile)",
};

/**
 * Parameters of a report, checked before anything is asked.
 * @throws PowerkiError (usage) for a wrong one, and with a list of traces where several could be meant
 */
export function reportScope(
	ds: Dataset,
	parameters: QueryParameters,
	name: string,
	fields: readonly WhereField[],
): Scope {
	const { top } = parameters;
	if (top !== undefined && (!Number.isInteger(top) || top < 1))
		throw new PowerkiError(exitCode.usage, `top is ${top}: write a whole number from 1 on`);
	const scope = scopeOf(ds, parameters);
	if (scope.where !== undefined) {
		const other = [...fieldsOf(scope.where)].find((f) => !fields.includes(f));
		if (other !== undefined)
			throw new PowerkiError(exitCode.usage, `the report ${name} cannot be filtered by ${other}`, [
				`it can be by: ${fields.join(", ")}`,
			]);
	}
	return { ...scope, top: top ?? defaultTop };
}

/** As a user would write them, for the statement and the command; what was left out is not there. */
export function givenParameters(
	parameters: QueryParameters & { readonly event?: string },
): Record<string, string> {
	return Object.fromEntries(
		(["trace", "window", "where", "top", "event"] as const).flatMap((name) => {
			const value = parameters[name];
			return value === undefined || value === "" ? [] : [[name, String(value)]];
		}),
	);
}

/** A word of a shell command line, quoted where the shell would change it. */
export function shellWord(text: string): string {
	return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
