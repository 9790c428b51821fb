import { inspect } from "node:util";
import type { Diagnostic } from "tslab/dist/converter.js";
import type { CellMap, CellPosition } from "./cell-map.ts";
import type { CellError } from "./messages.ts";

/** Script names of cells, as they stand in stack traces: the execution count makes them findable. */
export function scriptName(count: number, run: number): string {
	return `powerki-cell-${count}-${run}`;
}

const frame = /^\s*at (?:(.*?) \()?(?:async )?powerki-cell-(\d+)-(\d+):(\d+):(\d+)\)?$/;

interface Frame {
	readonly name: string | undefined;
	readonly count: number;
	readonly script: string;
	readonly position: CellPosition;
}

/** Frames of cells in a stack, innermost first; those of libraries and of the session are not the reader's. */
function cellFrames(stack: string, maps: ReadonlyMap<string, CellMap>): Frame[] {
	const frames: Frame[] = [];
	for (const line of stack.split("\n")) {
		const match = frame.exec(line);
		if (match === null) continue;
		const script = scriptName(Number(match[2]), Number(match[3]));
		const position = maps.get(script)?.position(Number(match[4]), Number(match[5]));
		// The wrapper around a cell has frames too, which are nowhere in the cell.
		if (position === undefined) continue;
		const name = match[1]?.replace(/^async /, "").replace(/^(?:Object\.|Proxy\.)/, "");
		frames.push({
			name: name === "eval" || name === "" ? undefined : name,
			count: Number(match[2]),
			script,
			position,
		});
	}
	return frames;
}

/** The line and a caret below the column (from 1). */
export function caret(line: string, column: number): string[] {
	return [`    ${line}`, `    ${line.slice(0, column - 1).replace(/[^\t]/g, " ")}^`];
}

/** What a cell threw, as Jupyter has it: message, details, the cell's line, the frames that lie in cells. */
export function thrownError(thrown: unknown, maps: ReadonlyMap<string, CellMap>): CellError {
	if (!(thrown instanceof Error)) {
		// Errors of another realm have a message and a stack too.
		const like = thrown as { message?: unknown; stack?: unknown; name?: unknown } | null;
		if (typeof like !== "object" || typeof like?.message !== "string" || typeof like.stack !== "string") {
			const text = inspect(thrown, { depth: 2 });
			return { ename: "Thrown", evalue: text, traceback: [`Thrown: ${text}`] };
		}
	}
	const error = thrown as Error & { details?: unknown; code?: unknown };
	const ename = error.name || "Error";
	const lines = [`${ename}: ${error.message}`];
	if (Array.isArray(error.details)) lines.push(...error.details.map((detail) => `  ${detail}`));
	const frames = cellFrames(String(error.stack ?? ""), maps);
	for (const [i, at] of frames.entries()) {
		const { line, column } = at.position;
		lines.push(
			`  at ${at.name === undefined ? "" : `${at.name}, `}cell [${at.count}] line ${line}:${column}`,
		);
		const source = maps.get(at.script)?.lines[line - 1];
		if (i === 0 && source !== undefined) lines.push(...caret(source, column));
	}
	if (error.cause instanceof Error && ename !== "PowerkiError")
		lines.push(`caused by ${error.cause.name}: ${error.cause.message}`);
	return { ename, evalue: error.message, traceback: lines };
}

/** The compiler's complaints about a cell, each with its line and a caret. */
export function typeError(code: string, diagnostics: readonly Diagnostic[]): CellError {
	const source = code.split("\n");
	const traceback: string[] = [];
	let previous: Diagnostic | undefined;
	for (const d of diagnostics) {
		// The parts of one explanation come as diagnostics of the same place.
		const continued = previous !== undefined && samePlace(previous, d) && traceback.length > 0;
		previous = d;
		if (continued) {
			traceback.push(`  ${d.messageText}`);
			continue;
		}
		const line = d.start.line + 1;
		const column = d.start.character + 1;
		traceback.push(
			`${d.fileName === undefined ? "" : `${d.fileName} `}${line}:${column} - ${d.messageText} (TS${d.code})`,
		);
		if (d.fileName === undefined && source[line - 1] !== undefined)
			traceback.push(...caret(source[line - 1], column));
	}
	const [first] = diagnostics;
	const evalue = `${first.start.line + 1}:${first.start.character + 1} - ${first.messageText}`;
	return {
		ename: "TypeScriptError",
		evalue,
		traceback: [`TypeScriptError: ${count(diagnostics)}`, ...traceback],
	};
}

function samePlace(a: Diagnostic, b: Diagnostic): boolean {
	return a.start.offset === b.start.offset && a.end.offset === b.end.offset && a.code !== b.code;
}

function count(diagnostics: readonly Diagnostic[]): string {
	const places = new Set(diagnostics.map((d) => `${d.fileName}:${d.start.offset}`)).size;
	return places === 1 ? "the cell does not compile" : `the cell does not compile (${places} places)`;
}

/** The compiler itself failed: not the cell's fault, but it can be written differently. */
export function converterError(error: unknown): CellError {
	const message = error instanceof Error ? error.message : String(error);
	return {
		ename: "TypeScriptError",
		evalue: `the compiler failed: ${message}`,
		traceback: [
			`TypeScriptError: the compiler failed: ${message}`,
			"Splitting the statement, or writing the type of the variable, usually helps.",
		],
	};
}
