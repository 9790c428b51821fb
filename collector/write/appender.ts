/** Appends rows of a declared table to a ColumnSet by code made from the declaration: no loop over columns per row. */
import type { Batch } from "../../lib/schema/batch.ts";
import type { Column, Table } from "../../lib/schema/column.ts";
import type { TableWriter } from "../derive/derivation.ts";
import { type ColumnLayout, ColumnSet, type Store } from "./column-set.ts";
import type { Strings } from "./string-pool.ts";

/** Base stamp of a trace, ns, as the halves that the table writers add to every stamp. */
export interface BaseStamp {
	readonly ns: bigint;
	/** floor(ns / 2^32) */
	readonly hi: number;
	/** ns mod 2^32 */
	readonly lo: number;
}

export function baseStamp(ns: bigint): BaseStamp {
	return { ns, hi: Number(ns >> 32n), lo: Number(ns & 0xffff_ffffn) };
}

/** Values in a fixed list column. The only one so far is the six arguments of a system call. */
const LIST_LENGTH = 6;

export function storeOf(column: Column): Store {
	switch (column.type) {
		case "BIGINT":
			return "i64";
		case "INTEGER":
			return "i32";
		case "DOUBLE":
			return "f64";
		case "BOOLEAN":
			return "bool";
		case "VARCHAR":
			return "str";
		case "BIGINT[]":
			return `i64x${LIST_LENGTH}`;
		default:
			throw new Error(`a column of type ${column.type} is not written row by row`);
	}
}

/** Source text that stores the double `value` as a 64-bit integer at row n of array `a`. */
export function storeDouble(a: string, value: string): string {
	return `{ const v = ${value}, h = Math.floor(v * 2.3283064365386962890625e-10); ${a}[2 * n] = v - h * 4294967296; ${a}[2 * n + 1] = h; }`;
}

/** The same for a stamp relative to the base. */
export function storeStamp(a: string, value: string, base: BaseStamp): string {
	return `{ const v = ${value} + ${base.lo}, h = Math.floor(v * 2.3283064365386962890625e-10); ${a}[2 * n] = v - h * 4294967296; ${a}[2 * n + 1] = h + ${base.hi}; }`;
}

export interface Appender<T extends Table> extends TableWriter<T> {
	/** Emits the rows that are still here. */
	flush(): void;
	/** Rows appended so far. */
	readonly rows: number;
}

function statement(name: string, column: Column, k: number, base: BaseStamp): string {
	const a = `a${k}`;
	const value = `row.${name}`;
	const orNull = (isNull: string, store: string): string =>
		`if (${isNull}) set.setNull(${k}, n); else ${store}`;
	if (column.type === "BIGINT[]")
		return orNull(
			`${value} === null`,
			`{ const l = ${value}; for (let j = 0; j < ${2 * LIST_LENGTH}; j++) ${a}[n * ${2 * LIST_LENGTH} + j] = l[j]; }`,
		);
	if (column.type === "VARCHAR") return `${a}[n] = ${value};`;
	if (column.unit === "address" || column.unit === "mask")
		return orNull(
			`${value}_hi !== ${value}_hi`,
			`{ ${a}[2 * n] = ${value}_lo; ${a}[2 * n + 1] = ${value}_hi; }`,
		);
	const unknown = `${value} !== ${value}`;
	if (column.unit === "stamp") return orNull(unknown, storeStamp(a, value, base));
	if (column.type === "BIGINT") return orNull(unknown, storeDouble(a, value));
	return orNull(unknown, `${a}[n] = ${value};`);
}

export function appender<T extends Table>(
	table: T,
	strings: Strings,
	base: BaseStamp,
	emit: (batch: Batch) => void,
): Appender<T> {
	const columns = Object.entries(table.columns);
	const layout: ColumnLayout[] = columns.map(([name, column]) => ({ name, store: storeOf(column) }));
	const set = new ColumnSet(table.name, layout, strings, emit);
	const reload = `cap = set.capacity; ${layout.map((_, k) => `a${k} = set.arrays[${k}];`).join(" ")}`;
	const source = `
		let n = 0, cap = 0; let ${layout.map((_, k) => `a${k}`).join(", ")};
		${reload}
		return {
			append(row) {
				if (n === cap) { n = set.full(n); ${reload} }
				${columns.map(([name, column], k) => statement(name, column, k, base)).join("\n\t\t\t\t")}
				n++;
			},
			flush() { set.flush(n); n = 0; ${reload} },
			get rows() { return set.first + n; },
		};`;
	return new Function("set", source)(set) as Appender<T>;
}
