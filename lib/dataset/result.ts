import { createRequire } from "node:module";
import { join } from "node:path";
import type * as Arquero from "arquero";
import type * as Danfo from "danfojs-node";
import { type DuckDBDataChunk, type DuckDBType, DuckDBTypeId, type DuckDBValue } from "duckdb";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import { packageRoot } from "../schema/versions.ts";

/** A value in a result: BIGINT and HUGEINT are bigint, DATE and times are text, lists are arrays. */
export type Cell =
	| null
	| boolean
	| number
	| bigint
	| string
	| readonly Cell[]
	| { readonly [key: string]: Cell };

export type Row = Readonly<Record<string, Cell>>;

/** Values of one column: a typed array where the type has one and nothing is NULL. */
export type ColumnData = Int32Array | Float64Array | BigInt64Array | readonly Cell[];

export interface SqlColumn {
	/** Unique in the result: a repeated name has got a suffix. */
	readonly name: string;
	/** SQL type as DuckDB writes it. */
	readonly type: string;
}

export interface ArqueroOptions {
	/** How BIGINT arrives: "bigint" (default; exact, BigInt64Array) or "number" (Float64Array, exact to 2^53). */
	readonly bigint?: "bigint" | "number";
}

/** The whole result of a query, in columns. */
export class SqlResult<T = Row> {
	/** @param truncated the query has more rows: fetching stopped at the limit */
	constructor(
		readonly columns: readonly SqlColumn[],
		readonly rowCount: number,
		readonly truncated: boolean,
		private readonly data: readonly ColumnData[],
	) {}

	/**
	 * Values of a column.
	 * @throws PowerkiError (usage) if the result has no such column
	 */
	column(name: string): ColumnData {
		const i = this.columns.findIndex((c) => c.name === name);
		if (i < 0)
			throw new PowerkiError(exitCode.usage, `the result has no column "${name}"`, [
				`columns: ${this.columns.map((c) => c.name).join(", ")}`,
			]);
		return this.data[i];
	}

	/** One object per row. */
	rows(): T[] {
		const names = this.columns.map((c) => c.name);
		const rows: T[] = new Array(this.rowCount);
		for (let r = 0; r < this.rowCount; r++) {
			const row: Record<string, Cell> = {};
			for (let k = 0; k < names.length; k++) row[names[k]] = this.data[k][r];
			rows[r] = row as T;
		}
		return rows;
	}

	[Symbol.iterator](): Iterator<T> {
		return this.rows()[Symbol.iterator]();
	}

	/** The default frame of cells: arquero over the same arrays, without copying. */
	async toArquero(options: ArqueroOptions = {}): Promise<Arquero.ColumnTable> {
		const { table } = await import("arquero");
		const columns: Record<string, ColumnData> = {};
		this.columns.forEach((c, i) => {
			columns[c.name] = options.bigint === "number" ? asNumbers(this.data[i]) : this.data[i];
		});
		return table(
			columns as never,
			this.columns.map((c) => c.name),
		);
	}

	/**
	 * A Danfo frame, for small results: the first `limit` rows. Danfo is loaded when called. BIGINT becomes number
	 * (Danfo takes BigInt for int32), a NULL number NaN (describe() fails on null).
	 */
	async toDanfo(limit: number = 10_000): Promise<Danfo.DataFrame> {
		const danfo = createRequire(import.meta.url)(
			join(packageRoot(), "dist/vendor/danfojs-node"),
		) as typeof Danfo;
		const columns: Record<string, unknown[]> = {};
		this.columns.forEach((c, i) => {
			// Danfo refuses typed arrays as columns.
			const values = Array.from(asNumbers(this.data[i]).slice(0, limit));
			const numeric = /INT|DOUBLE|FLOAT|DECIMAL/.test(c.type) && !c.type.endsWith("]");
			columns[c.name] = numeric ? values.map((v) => v ?? Number.NaN) : values;
		});
		return new danfo.DataFrame(columns);
	}

	/** The first rows as aligned text; for errors, logs and a bare `console.log`. */
	toString(limit: number = 10): string {
		const shown = Math.min(limit, this.rowCount);
		const lines: string[][] = [this.columns.map((c) => c.name)];
		for (let r = 0; r < shown; r++)
			lines.push(this.data.map((d) => (d[r] === null ? "NULL" : cellText(d[r]))));
		const width = this.columns.map((_, k) => Math.max(...lines.map((l) => l[k].length)));
		const right = this.columns.map((c) => /^(\w*INT|DOUBLE|FLOAT|DECIMAL.*)$/.test(c.type));
		const text = lines.map((l) =>
			l
				.map((v, k) => (right[k] ? v.padStart(width[k]) : v.padEnd(width[k])))
				.join("  ")
				.trimEnd(),
		);
		const rest = `${this.rowCount}${this.truncated ? " or more" : ""} row${this.rowCount === 1 && !this.truncated ? "" : "s"}`;
		return [...text, shown < this.rowCount ? `${shown} of ${rest}` : rest].join("\n");
	}
}

function cellText(value: Cell): string {
	if (typeof value === "object")
		return JSON.stringify(value, (_k, v) => (typeof v === "bigint" ? v.toString() : v));
	// Control characters of a name from the trace never reach a terminal.
	return String(value).replace(
		/[\u0000-\u001f\u007f-\u009f]/g,
		(ch) => `\\x${ch.charCodeAt(0).toString(16).padStart(2, "0")}`,
	);
}

/** BIGINT as number; other columns as they are. */
function asNumbers(data: ColumnData): ColumnData {
	if (data instanceof BigInt64Array) return Float64Array.from(data, Number);
	if (Array.isArray(data) && data.some((v) => typeof v === "bigint"))
		return data.map((v) => (typeof v === "bigint" ? Number(v) : v));
	return data;
}

type Typed = Int32Array | Float64Array | BigInt64Array;

/** Gathers the chunks of a result into columns. */
export class ColumnBuilder {
	private readonly parts: Typed[] = [];
	private readonly array: TypedConstructor | undefined;
	/** In use from the first chunk that has a NULL, or always where the type has no array form. */
	private cells: Cell[] | null;

	constructor(type: DuckDBType) {
		this.array = typedArrays.get(type.typeId);
		this.cells = this.array === undefined ? [] : null;
	}

	/** Takes the first `rows` values of column `index`. */
	add(chunk: DuckDBDataChunk, index: number, rows: number): void {
		const vector = chunk.getColumnVector(index) as unknown as {
			items?: Typed;
			validity?: { data: BigUint64Array | null };
			getItem(i: number): DuckDBValue | null;
		};
		if (this.cells === null && vector.validity?.data === null && vector.items !== undefined) {
			// The vector's memory belongs to the chunk: copy.
			this.parts.push(this.array!.from(vector.items.subarray(0, rows) as never));
			return;
		}
		if (this.cells === null) {
			this.cells = [];
			for (const part of this.parts) for (const v of part) this.cells.push(v);
		}
		for (let r = 0; r < rows; r++) this.cells.push(toCell(vector.getItem(r)));
	}

	finish(): ColumnData {
		if (this.cells !== null) return this.cells;
		if (this.parts.length === 1) return this.parts[0];
		const whole = new this.array!(this.parts.reduce((n, p) => n + p.length, 0));
		let at = 0;
		for (const part of this.parts) {
			whole.set(part as never, at);
			at += part.length;
		}
		return whole;
	}
}

interface TypedConstructor {
	new (length: number): Typed;
	from(values: never): Typed;
}

const typedArrays: ReadonlyMap<DuckDBTypeId, TypedConstructor> = new Map<DuckDBTypeId, TypedConstructor>([
	[DuckDBTypeId.TINYINT, Int32Array],
	[DuckDBTypeId.SMALLINT, Int32Array],
	[DuckDBTypeId.INTEGER, Int32Array],
	[DuckDBTypeId.UTINYINT, Int32Array],
	[DuckDBTypeId.USMALLINT, Int32Array],
	[DuckDBTypeId.UINTEGER, Float64Array],
	[DuckDBTypeId.FLOAT, Float64Array],
	[DuckDBTypeId.DOUBLE, Float64Array],
	[DuckDBTypeId.BIGINT, BigInt64Array],
]);

function toCell(value: DuckDBValue | null): Cell {
	if (value === null || typeof value !== "object") return value as Cell;
	// Lists, arrays, structs and maps of DuckDB's client, by their fields.
	const composite = value as { items?: readonly DuckDBValue[]; entries?: unknown };
	if (Array.isArray(composite.items)) return composite.items.map(toCell);
	if (Array.isArray(composite.entries))
		return (composite.entries as { key: DuckDBValue; value: DuckDBValue }[]).map((e) => [
			toCell(e.key),
			toCell(e.value),
		]);
	if (typeof composite.entries === "object" && composite.entries !== null)
		return Object.fromEntries(
			Object.entries(composite.entries as Record<string, DuckDBValue>).map(([k, v]) => [k, toCell(v)]),
		);
	return String(value);
}
