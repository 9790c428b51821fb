/**
 * SQL macros of every dataset. `hex` prints addresses and masks, which are kept as the bits of a BIGINT; the
 * others give DuckDB the names that Trino has, so that one text of a view runs on both.
 */
export const macros: readonly {
	readonly name: string;
	readonly parameters: string;
	readonly body: string;
}[] = [
	{ name: "hex", parameters: "x", body: "'0x' || lower(system.main.hex(x))" },
	{ name: "cardinality", parameters: "a", body: "CAST(len(a) AS BIGINT)" },
	{ name: "element_at", parameters: "a, i", body: "a[i]" },
	{ name: "array_join", parameters: "a, s", body: "array_to_string(a, s)" },
];

/** The statements that create them. */
export function macroSql(): string {
	return macros.map((m) => `CREATE OR REPLACE MACRO ${m.name}(${m.parameters}) AS ${m.body};\n`).join("");
}
