import { quoteIdentifier } from "../schema/layout.ts";

/** What can be bound to a query: lists become SQL lists (write `x = ANY(${list})`). */
export type SqlValue = null | boolean | number | bigint | string | readonly SqlValue[];

/** A piece of SQL with the values that belong to its `?` marks; pieces nest in each other. */
export class Fragment {
	constructor(
		readonly text: string,
		readonly values: readonly SqlValue[],
	) {}

	toString(): string {
		return this.text;
	}
}

/** What may stand in `${…}` of a query. */
export type SqlInsert = SqlValue | Fragment;

/** SQL text with inserted values: values are bound, never spliced; fragments are nested. */
export function fragment(strings: TemplateStringsArray, ...inserts: readonly SqlInsert[]): Fragment {
	let text = strings[0];
	const values: SqlValue[] = [];
	inserts.forEach((insert, i) => {
		if (insert instanceof Fragment) {
			text += insert.text;
			values.push(...insert.values);
		} else {
			text += "?";
			values.push(insert);
		}
		text += strings[i + 1];
	});
	return new Fragment(text, values);
}

/** The name of a table or column as part of a query, quoted. */
export function identifier(name: string): Fragment {
	return new Fragment(quoteIdentifier(name), []);
}

/** SQL text of the program itself, such as a keyword or a constant expression: never text from a user. */
export function raw(text: string): Fragment {
	return new Fragment(text, []);
}

/** Fragments with `separator` between them. */
export function join(parts: readonly Fragment[], separator: string): Fragment {
	return new Fragment(
		parts.map((p) => p.text).join(separator),
		parts.flatMap((p) => p.values),
	);
}
