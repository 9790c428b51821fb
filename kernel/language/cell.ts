/** A cell by its language: TypeScript, or what its first line says. */
export type Cell =
	| { readonly language: "typescript"; readonly code: string }
	| {
			readonly language: "sql";
			readonly query: string;
			/** UTF-16 offset and line (from 0) at which the query starts in the cell. */
			readonly offset: number;
			readonly line: number;
			/** Variable that gets the result. */
			readonly name?: string;
			/** Rows to fetch. */
			readonly limit?: number;
	  }
	/** The first line is not understood. */
	| { readonly language: "unknown"; readonly message: string };

/** How the first line of a query cell is written; shown when it is not. */
export const usage = "%%sql [variable] [--limit rows], then the query from the second line on";

export function parseCell(code: string): Cell {
	const magic = /^\s*%%(\w*)([^\n]*)\n?/.exec(code);
	if (magic === null) return { language: "typescript", code };
	const [head, language, rest] = magic;
	if (language !== "sql")
		return { language: "unknown", message: `%%${language} is not known; there is ${usage}` };
	const words = rest.trim() === "" ? [] : rest.trim().split(/\s+/);
	let name: string | undefined;
	let limit: number | undefined;
	for (let i = 0; i < words.length; i++) {
		const option = /^--limit(?:=(.*))?$/.exec(words[i]);
		if (option !== null) {
			const value = option[1] ?? words[++i] ?? "";
			if (!/^[1-9]\d*$/.test(value))
				return { language: "unknown", message: `--limit wants a number of rows, not "${value}"` };
			limit = Number(value);
		} else if (/^[A-Za-z_$][\w$]*$/.test(words[i]) && name === undefined) name = words[i];
		else return { language: "unknown", message: `"${words[i]}" is not understood: ${usage}` };
	}
	return {
		language: "sql",
		query: code.slice(head.length),
		offset: head.length,
		line: head.split("\n").length - 1,
		...(name === undefined ? {} : { name }),
		...(limit === undefined ? {} : { limit }),
	};
}
