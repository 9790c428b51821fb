/** From an event's format to the columns of its table. */

import { catalog } from "../../../lib/schema/catalog.ts";
import type { Column } from "../../../lib/schema/column.ts";
import { commonColumns, stackColumns } from "../../../lib/schema/events.ts";
import type { Store } from "../../write/column-set.ts";
import type { EventFormat, Field } from "./format.ts";

/** Names that a field may not take, in lower case: the common columns and those that come from the path. */
const RESERVED = new Set([
	...Object.keys(commonColumns),
	...Object.keys(stackColumns),
	"trace",
	"host",
	"date",
]);

export interface FieldColumn {
	readonly name: string;
	readonly field: Field;
	readonly store: Store;
}

/** Arrays of integers up to this length are a list column; longer ones are text in hex. */
const LIST_MAX = 16;

function store(field: Field, declared: Column | undefined): Store {
	switch (field.kind) {
		case "integer":
			if (declared?.type === "INTEGER") return "i32";
			if (declared?.type === "BOOLEAN" || (!declared && field.ctype === "bool")) return "bool";
			return "i64";
		case "array":
			return field.element > 1 && field.count <= LIST_MAX ? `i64x${field.count}` : "str";
		default:
			return "str";
	}
}

/** Column name of each field: a field that is named like a common column gets the suffix _arg, clashing letter case a number. */
export function fieldColumns(format: EventFormat): FieldColumn[] {
	const declared = catalog.get(format.name);
	const taken = new Set(RESERVED);
	return format.fields.map((field) => {
		let name = RESERVED.has(field.name.toLowerCase()) ? `${field.name}_arg` : field.name;
		for (let k = 2; taken.has(name.toLowerCase()); k++) name = `${field.name}_${k}`;
		taken.add(name.toLowerCase());
		return {
			name,
			field,
			store: store(field, declared?.kind === "event" ? declared.columns[name] : undefined),
		};
	});
}
