import { catalog } from "../../lib/schema/catalog.ts";
import type { Unit } from "../../lib/schema/column.ts";

/** A table or view as completion and inspection see it. */
export interface NamedTable {
	readonly name: string;
	/** What a row is; undefined for a tracepoint that the schema does not declare. */
	readonly doc?: string;
	readonly kind: string;
	readonly columns: ReadonlyMap<string, NamedColumn>;
}

export interface NamedColumn {
	readonly type?: string;
	readonly unit?: string;
	readonly doc?: string;
}

export type NamedTables = ReadonlyMap<string, NamedTable>;

/** Columns that every table has from the path of its files (lib/schema/layout.ts). */
const pathColumns: [string, NamedColumn][] = [
	["trace", { type: "VARCHAR", doc: "The trace: first 16 hex digits of its SHA-256" }],
	["host", { type: "VARCHAR", doc: "Host on which it was recorded; NULL if unknown" }],
	["date", { type: "DATE", doc: "Date of its start; NULL if unknown" }],
];

/** Tables of the schema: what a query can name before a dataset is open. */
export function declaredNames(): NamedTables {
	return new Map(
		[...catalog.values()].map((table) => [
			table.name,
			{
				name: table.name,
				doc: table.doc,
				kind: table.kind,
				columns: new Map<string, NamedColumn>([
					...pathColumns.slice(0, 1),
					...Object.entries(table.columns).map(([name, column]): [string, NamedColumn] => [
						name,
						{
							type: column.type,
							doc: column.doc,
							...(column.unit === undefined ? {} : { unit: unitWords[column.unit] }),
						},
					]),
					...pathColumns.slice(1),
				]),
			},
		]),
	);
}

/** How a unit is said to a reader. */
const unitWords: Record<Unit, string> = {
	stamp: "ns on the trace's clock",
	ns: "ns",
	address: "address, print with hex()",
	mask: "bit mask, print with hex()",
	bytes: "bytes",
	sectors: "sectors of 512 bytes",
	khz: "kHz",
	id: "key",
	count: "count",
};

/** The part of lib/dataset's Dataset that names come from. */
export interface DatasetNames {
	readonly tables: readonly { readonly name: string; readonly columns: ReadonlyMap<string, string> }[];
	readonly views: readonly {
		readonly name: string;
		readonly doc: string;
		readonly columns: readonly { readonly name: string; readonly doc: string; readonly unit?: string }[];
	}[];
}

/** Tables and views of an open dataset: the declared words where there are some. */
export function datasetNames(dataset: DatasetNames): NamedTables {
	const declared = declaredNames();
	const names = new Map<string, NamedTable>();
	for (const table of dataset.tables) {
		const known = declared.get(table.name);
		names.set(table.name, {
			name: table.name,
			kind: known?.kind ?? "event",
			...(known?.doc === undefined ? {} : { doc: known.doc }),
			columns: new Map([
				...pathColumns.slice(0, 1),
				...[...table.columns].map(([name, type]): [string, NamedColumn] => [
					name,
					known?.columns.get(name) ?? { type },
				]),
				...pathColumns.slice(1),
			]),
		});
	}
	for (const view of dataset.views)
		names.set(view.name, {
			name: view.name,
			doc: view.doc,
			kind: "view",
			columns: new Map(
				view.columns.map((c) => [c.name, { doc: c.doc, ...(c.unit === undefined ? {} : { unit: c.unit }) }]),
			),
		});
	return names;
}
