/**
 * Row objects -> a DuckDB table, for the small identity tables. 64-bit values keep their bits: a damaged stamp may
 * be beyond the range of BIGINT.
 */
import { type DuckDBConnection, listValue } from "duckdb";
import type { Column } from "../../lib/schema/column.ts";
import type { IdentityRow } from "../decode/source.ts";

export async function appendRows(
	connection: DuckDBConnection,
	table: string,
	columns: readonly (readonly [string, Column])[],
	rows: readonly IdentityRow[],
): Promise<void> {
	const appender = await connection.createAppender(table);
	for (const row of rows) {
		for (const [name, column] of columns) {
			const value = row[name];
			if (value === null || value === undefined || (typeof value === "number" && Number.isNaN(value)))
				appender.appendNull();
			else if (column.type === "BIGINT")
				appender.appendBigInt(BigInt.asIntN(64, BigInt(value as number | bigint)));
			else if (column.type === "INTEGER") appender.appendInteger(value as number);
			else if (column.type === "DOUBLE") appender.appendDouble(value as number);
			else if (column.type === "BOOLEAN") appender.appendBoolean(value as boolean);
			else if (column.type === "VARCHAR") appender.appendVarchar(value as string);
			else appender.appendList(listValue(value as (string | number | bigint)[]));
		}
		appender.endRow();
	}
	appender.closeSync();
}
