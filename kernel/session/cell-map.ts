import { SourceMap, type SourceMapPayload } from "node:module";

/** Line and column in a cell, both from 1. */
export interface CellPosition {
	readonly line: number;
	readonly column: number;
}

/** tslab puts one line (`export {};`) before the cell's text. */
const prefixLines = 1;
/** What the executor puts before the code, on its first line (tslab 1.0.22, dist/executor.js). */
const header = { sync: "(function(exports, require) { ", async: "(async function(exports, require) { " };

/** From positions in the script that runs to positions in the cell. */
export class CellMap {
	readonly lines: readonly string[];
	private readonly first: SourceMap | undefined;
	private readonly second: SourceMap | undefined;
	private readonly headerLength: number;
	private readonly scriptLines: number;

	/**
	 * @param source the cell
	 * @param first source map (JSON) from ES module to TypeScript
	 * @param second source map (JSON) from what runs to ES module
	 * @param script what runs, without the executor's wrapper
	 */
	constructor(
		source: string,
		first: string | undefined,
		second: string | undefined,
		script: string,
		async: boolean,
	) {
		this.lines = source.split("\n");
		this.first = parse(first);
		this.second = parse(second);
		this.scriptLines = script.split("\n").length;
		this.headerLength = (async ? header.async : header.sync).length;
	}

	/** Line and column from 1, as V8 prints them; undefined where the script has no counterpart in the cell. */
	position(line: number, column: number): CellPosition | undefined {
		if (this.first === undefined || this.second === undefined || line > this.scriptLines) return undefined;
		const at = line === 1 ? column - this.headerLength : column;
		const module = original(this.second, line - 1, at - 1);
		if (module === undefined) return undefined;
		const cell = original(this.first, module.line, module.column);
		if (cell === undefined || cell.line < prefixLines) return undefined;
		return { line: cell.line - prefixLines + 1, column: cell.column + 1 };
	}
}

function parse(json: string | undefined): SourceMap | undefined {
	return json === undefined ? undefined : new SourceMap(JSON.parse(json) as SourceMapPayload);
}

function original(
	map: SourceMap,
	line: number,
	column: number,
): { line: number; column: number } | undefined {
	const entry = map.findEntry(line, column);
	return "originalLine" in entry ? { line: entry.originalLine, column: entry.originalColumn } : undefined;
}
