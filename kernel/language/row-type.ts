/** TypeScript types of SQL types, as lib/dataset hands values to cells. */
const types: readonly (readonly [RegExp, string])[] = [
	[/^(BIGINT|HUGEINT|UBIGINT|UHUGEINT)$/, "bigint"],
	[/^U?(TINYINT|SMALLINT|INTEGER)$/, "number"],
	[/^(FLOAT|DOUBLE)$/, "number"],
	[/^BOOLEAN$/, "boolean"],
	[/^(VARCHAR|DATE|TIMESTAMP.*|TIME.*|DECIMAL.*|UUID|INTERVAL)$/, "string"],
];

function typeOf(sql: string): string {
	if (sql.endsWith("[]")) return `readonly (${typeOf(sql.slice(0, -2))})[]`;
	return `${types.find(([pattern]) => pattern.test(sql))?.[1] ?? "unknown"} | null`;
}

/** The type of a row of a result, as TypeScript text: completion in later cells knows its columns. */
export function rowType(columns: readonly { readonly name: string; readonly type: string }[]): string {
	return `{ ${columns.map((c) => `${JSON.stringify(c.name)}: ${typeOf(c.type)}`).join("; ")} }`;
}
