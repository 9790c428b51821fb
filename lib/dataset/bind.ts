import {
	BIGINT,
	BOOLEAN,
	DOUBLE,
	type DuckDBType,
	type DuckDBValue,
	HUGEINT,
	INTEGER,
	LIST,
	listValue,
	SQLNULL,
	VARCHAR,
} from "duckdb";
import { exitCode, PowerkiError } from "../schema/errors.ts";
import type { SqlValue } from "./fragment.ts";

/** Value and type as DuckDB's client wants them. */
export interface Bound {
	readonly value: DuckDBValue;
	readonly type: DuckDBType;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Numbers without fraction are INTEGER or BIGINT, others DOUBLE; bigint is BIGINT where it fits; a list takes the
 * widest type of its elements.
 * @throws PowerkiError (usage) for a value that has no SQL form
 */
export function bind(value: SqlValue): Bound {
	if (value === null) return { value, type: SQLNULL };
	switch (typeof value) {
		case "boolean":
			return { value, type: BOOLEAN };
		case "string":
			return { value, type: VARCHAR };
		case "bigint":
			return { value, type: value >= INT64_MIN && value <= INT64_MAX ? BIGINT : HUGEINT };
		case "number":
			if (!Number.isSafeInteger(value)) return { value, type: DOUBLE };
			return value >= -(2 ** 31) && value < 2 ** 31
				? { value, type: INTEGER }
				: { value: BigInt(value), type: BIGINT };
		case "object":
			if (Array.isArray(value)) return bindList(value);
	}
	throw new PowerkiError(exitCode.usage, `a value of type ${kindOf(value)} cannot be bound to a query`, [
		"bind null, a boolean, a number, a bigint, a string, or an array of those",
	]);
}

function kindOf(value: unknown): string {
	return typeof value === "object" && value !== null ? (value.constructor?.name ?? "object") : typeof value;
}

const ranks: readonly DuckDBType[] = [SQLNULL, INTEGER, BIGINT, HUGEINT, DOUBLE];

function bindList(list: readonly SqlValue[]): Bound {
	const bound = list.map(bind);
	let type: DuckDBType = bound[0]?.type ?? INTEGER;
	for (const b of bound) {
		if (b.type.toString() === type.toString() || b.type === SQLNULL) continue;
		const [have, need] = [ranks.indexOf(type), ranks.indexOf(b.type)];
		if (type === SQLNULL || (have >= 0 && need > have)) type = b.type;
		else if (have < 0 || need < 0)
			throw new PowerkiError(exitCode.usage, `a list with ${type} and ${b.type} cannot be bound to a query`, [
				"the elements of a list must have one type",
			]);
	}
	const convert = (value: DuckDBValue): DuckDBValue => {
		if (type === DOUBLE && typeof value === "bigint") return Number(value);
		if ((type === BIGINT || type === HUGEINT) && typeof value === "number") return BigInt(value);
		return value;
	};
	return { value: listValue(bound.map((b) => convert(b.value))), type: LIST(type) };
}
