/**
 * Parameters of a notebook: the declarations of the cell tagged `parameters` are names, types and defaults;
 * `-p name=value` puts a cell after it that declares the name again, with the same type.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import type * as TS from "@tslab/typescript-for-tslab";
import { exitCode, PowerkiError } from "../../lib/schema/errors.ts";
import { packageRoot } from "../../lib/schema/versions.ts";
import { type CodeCell, hasTag, type Notebook } from "./notebook.ts";

/** "name=value" as given, to name and value. */
export function parseAssignments(given: readonly string[]): Record<string, string> {
	const values: Record<string, string> = {};
	for (const text of given) {
		const m = /^([A-Za-z_$][\w$]*)=(.*)$/s.exec(text);
		if (!m) throw new PowerkiError(exitCode.usage, `-p ${text}: not a parameter`, ["write -p name=value"]);
		values[m[1]!] = m[2]!;
	}
	return values;
}

interface Declared {
	/** Type as written, or the one of its default; undefined where that does not tell. */
	readonly type: string | undefined;
}

/**
 * The notebook with a cell that sets the parameters.
 * @throws PowerkiError (usage) for a name that the notebook does not declare, or a value not of its type
 */
export function withParameters(
	notebook: Notebook,
	values: Readonly<Record<string, string>>,
	file: string,
): Notebook {
	const names = Object.keys(values);
	if (names.length === 0) return notebook;
	const at = notebook.cells.findIndex((cell) => cell.cell_type === "code" && hasTag(cell, "parameters"));
	const declared = at < 0 ? new Map<string, Declared>() : declarations(notebook.cells[at]!.source);
	for (const name of names)
		if (!declared.has(name))
			throw new PowerkiError(exitCode.usage, `${file} has no parameter "${name}"`, [
				declared.size === 0
					? "it has no cell tagged parameters"
					: `its parameters: ${[...declared.keys()].join(", ")} (in the cell tagged parameters)`,
			]);
	const lines = names.map((name) => {
		const { type } = declared.get(name)!;
		return `let ${name}${type === undefined ? "" : `: ${type}`} = ${literal(name, values[name]!, type)};`;
	});
	const injected: CodeCell = {
		cell_type: "code",
		id: "injected-parameters",
		metadata: { tags: ["injected-parameters"] },
		source: lines.join("\n"),
		execution_count: null,
		outputs: [],
	};
	// What an earlier run injected would win over this one.
	const rest = notebook.cells.slice(at + 1).filter((cell) => !hasTag(cell, "injected-parameters"));
	return { ...notebook, cells: [...notebook.cells.slice(0, at + 1), injected, ...rest] };
}

/** Names that the notebook declares as parameters. */
export function parameterNames(notebook: Notebook): string[] {
	const cell = notebook.cells.find((c) => c.cell_type === "code" && hasTag(c, "parameters"));
	return cell === undefined ? [] : [...declarations(cell.source).keys()];
}

/** Variables declared at the top of the code. */
function declarations(source: string): Map<string, Declared> {
	// The compiler of cells, which is there anyway.
	const ts = createRequire(join(packageRoot(), "package.json"))("@tslab/typescript-for-tslab") as typeof TS;
	const file = ts.createSourceFile("parameters.ts", source, ts.ScriptTarget.Latest, true);
	const found = new Map<string, Declared>();
	for (const statement of file.statements) {
		if (!ts.isVariableStatement(statement)) continue;
		for (const d of statement.declarationList.declarations) {
			if (!ts.isIdentifier(d.name)) continue;
			found.set(d.name.text, { type: d.type?.getText(file) ?? typeOf(ts, d.initializer) });
		}
	}
	return found;
}

function typeOf(ts: typeof TS, initializer: TS.Expression | undefined): string | undefined {
	if (initializer === undefined) return undefined;
	if (ts.isStringLiteralLike(initializer)) return "string";
	if (ts.isNumericLiteral(initializer) || ts.isPrefixUnaryExpression(initializer)) return "number";
	if (initializer.kind === ts.SyntaxKind.TrueKeyword || initializer.kind === ts.SyntaxKind.FalseKeyword)
		return "boolean";
	return undefined;
}

/** The value as TypeScript: what the type wants; where it wants nothing known, JSON, and text where it is none. */
function literal(name: string, value: string, type: string | undefined): string {
	const wants = new Set((type ?? "").split("|").map((t) => t.trim()));
	const number = value.trim() !== "" && Number.isFinite(Number(value)) ? String(Number(value)) : undefined;
	if (value === "" && wants.has("undefined") && !wants.has("string")) return "undefined";
	if (wants.has(value) && ["null", "undefined"].includes(value)) return value;
	if (wants.has("boolean") && /^(true|false)$/.test(value)) return value;
	if (wants.has("number") && number !== undefined) return number;
	if (wants.has("bigint") && /^-?\d+$/.test(value)) return `${value}n`;
	if (wants.has("string")) return JSON.stringify(value);
	const known = ["boolean", "number", "bigint"].filter((t) => wants.has(t));
	if (known.length > 0)
		throw new PowerkiError(
			exitCode.usage,
			`parameter ${name} wants a ${known.join(" or ")}, not "${value}"`,
			[],
		);
	try {
		return JSON.stringify(JSON.parse(value));
	} catch {
		return JSON.stringify(value);
	}
}
