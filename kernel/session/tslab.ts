import { createRequire } from "node:module";
import { join } from "node:path";
import type * as TS from "@tslab/typescript-for-tslab";
import type { CompletionInfo, Converter, ConvertResult, Diagnostic } from "tslab/dist/converter.js";
import type { Executor } from "tslab/dist/executor.js";
import { CellMap } from "./cell-map.ts";
import { globalTypes } from "./globals.ts";
import { modulePaths } from "./modules.ts";

/**
 * tslab's converter and executor, with what they lack set right from outside (tslab 1.0.22, dist/converter.js and
 * dist/executor.js; its compiler is a fork of TypeScript 5.0.4).
 */
export interface Tslab {
	readonly executor: Executor;
	/** Type errors of the cell that ran last, and what the converter itself threw. */
	readonly conversion: Conversion;
	isComplete(code: string): { completed: boolean; indent?: string };
	/** The text of a TypeScript "quick info". */
	quickInfo(info: TS.QuickInfo): string;
}

export interface Conversion {
	diagnostics: readonly Diagnostic[];
	failure: unknown;
	/** Name of the script that the next cell becomes; it appears in stack traces. */
	scriptName: string;
	/** Script name to positions in the cell. */
	readonly maps: Map<string, CellMap>;
}

type Compiler = typeof TS;

/**
 * @param cwd folder of the notebook: modules and relative imports of cells are looked for from here
 * @param root folder of powerki
 * @param onValue gets the value of a cell's last expression
 * @param onThrown gets what a cell threw
 */
export function createTslab(
	cwd: string,
	root: string,
	onValue: (value: unknown) => void,
	onThrown: (error: unknown) => void,
): Tslab {
	const require = createRequire(join(root, "package.json"));
	const compiler = patchCompiler(require, cwd, root);
	const converterModule = require("tslab/dist/converter") as typeof import("tslab/dist/converter.js");
	const executorModule = require("tslab/dist/executor") as typeof import("tslab/dist/executor.js");
	const inspectModule = require("tslab/dist/inspect") as typeof import("tslab/dist/inspect.js");
	const conversion: Conversion = { diagnostics: [], failure: undefined, scriptName: "cell", maps: new Map() };
	const converter = converterModule.createConverter();
	const wrapped = wrapConverter(converter, conversion, compiler);
	const executor = executorModule.createExecutor(
		cwd,
		{ node: wrapped, browser: wrapped, close: () => converter.close() },
		{
			log: onValue,
			error(error: unknown) {
				// Type errors come here too, as printf arguments: `conversion` has them already, whole.
				if (conversion.diagnostics.length === 0) onThrown(error);
			},
		},
	);
	return {
		executor,
		conversion,
		isComplete: converterModule.isCompleteCode,
		quickInfo: (info) => inspectModule.printQuickInfo(info as never),
	};
}

interface Emitted {
	/** Source map of the compiler's first step, TypeScript to ES modules; JSON. */
	first: string | undefined;
	/** Of the second, ES modules to CommonJS. */
	second: string | undefined;
}

/**
 * The compiler module, copied so that it can be changed (its exports are getters), in place of the original:
 * - moduleResolution Bundler: tslab's Node10 does not see types that hang on `exports` (vega-lite 6, powerki)
 * - only @types/node as ambient types, whatever lies in node_modules/@types
 * - a cell with `await (` is parsed twice (parser.ts, reparseTopLevelAwait), and the compiler then names types
 *   relative to the first, which has no path: "Paths must either both be absolute or both be relative"
 * - what only the declarations of a cell's variables cannot say (a type that has no name outside of its module)
 *   is no error: the variable then is `any` in later cells
 * - `{ a }` with a variable of an earlier cell: tslab rewrites identifiers to `exports.a` but not this shorthand
 * - source maps of both compile steps, so that errors show lines of the cell
 * - files below node_modules redirected by `modulePaths`; the types of our globals as one more file
 */
function patchCompiler(require: NodeJS.Require, cwd: string, root: string): { emitted: Emitted } {
	const id = require.resolve("@tslab/typescript-for-tslab");
	const original = require(id) as Compiler;
	const redirect = modulePaths(cwd, root);
	const globalsFile = join(cwd, "__powerki__.d.ts");
	const emitted: Emitted = { first: undefined, second: undefined };
	const sys: TS.System = Object.assign(Object.create(original.sys), {
		useCaseSensitiveFileNames: true,
		fileExists: (path: string) => path === globalsFile || original.sys.fileExists(redirect(path)),
		readFile: (path: string, encoding?: string) =>
			path === globalsFile ? globalTypes : original.sys.readFile(redirect(path), encoding),
		directoryExists: (path: string) => original.sys.directoryExists(redirect(path)),
		realpath: (path: string) => original.sys.realpath?.(redirect(path)) ?? path,
		// Files are read once: packages do not change under a running session, and watching costs handles.
		watchFile: () => ({ close() {} }),
		watchDirectory: () => ({ close() {} }),
	});
	// The compiler itself reads this switch too (tslab sets it on the object that it sees: ours).
	original.sys.useCaseSensitiveFileNames = true;
	const createWatchCompilerHost = (roots: string[], options: TS.CompilerOptions, ...rest: unknown[]) => {
		Object.assign(options, {
			moduleResolution: original.ModuleResolutionKind.Bundler,
			types: ["node"],
			inlineSourceMap: true,
		});
		return (original.createWatchCompilerHost as unknown as (...a: unknown[]) => unknown)(
			[...roots, globalsFile],
			options,
			...rest,
		);
	};
	const transpileModule: Compiler["transpileModule"] = (input, options) => {
		const first = /\n\/\/# sourceMappingURL=data:application\/json;base64,(.*)\s*$/.exec(input);
		const result = original.transpileModule(first === null ? input : input.slice(0, first.index), {
			...options,
			compilerOptions: { ...options.compilerOptions, sourceMap: true },
		});
		emitted.first = first === null ? undefined : Buffer.from(first[1], "base64").toString("utf8");
		emitted.second = result.sourceMapText;
		return { ...result, outputText: result.outputText.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n") };
	};
	let checker: TS.TypeChecker | undefined;
	type OfFiles = (program: unknown, files: readonly Parsed[]) => readonly TS.Diagnostic[];
	const ofFiles = (original as unknown as { getPreEmitDiagnosticsOfFiles: OfFiles })
		.getPreEmitDiagnosticsOfFiles;
	const getPreEmitDiagnosticsOfFiles: OfFiles = (program, files) => {
		for (const file of files) file.original = undefined;
		checker = (program as TS.Program).getTypeChecker();
		return ofFiles(program, files).filter((d) => !declarationOnly(d.code));
	};
	// tslab visits every node of a cell by this function (converter.js, wrapPrevIdentifier).
	const visitEachChild = ((node: TS.Node, visitor: TS.Visitor, ...rest: unknown[]) => {
		if (original.isShorthandPropertyAssignment(node)) {
			const parsed = original.getOriginalNode(node);
			const earlier = checker
				?.getShorthandAssignmentValueSymbol(parsed)
				?.declarations?.some((d) => d.getSourceFile().fileName.endsWith("/__prev__.d.ts"));
			if (earlier) {
				const { factory } = original;
				const value = factory.createPropertyAccessExpression(
					factory.createIdentifier("exports"),
					node.name.text,
				);
				const fallback = node.objectAssignmentInitializer;
				return factory.createPropertyAssignment(
					node.name.text,
					fallback === undefined
						? value
						: factory.createAssignment(value, original.visitNode(fallback, visitor) as TS.Expression),
				);
			}
		}
		return (original.visitEachChild as unknown as (...a: unknown[]) => unknown)(node, visitor, ...rest);
	}) as unknown as Compiler["visitEachChild"];
	const module = require.cache[id] as NodeJS.Module;
	module.exports = {
		...original,
		createWatchCompilerHost,
		transpileModule,
		getPreEmitDiagnosticsOfFiles,
		visitEachChild,
		sys,
	};
	return { emitted };
}

/** Internal property of a source file (TypeScript 5.0.4, types.ts). */
interface Parsed {
	original?: unknown;
}

/** Errors of declaration emit (TypeScript 5.0.4, diagnosticMessages.json: 2527, 2742, 4000 to 4103). */
function declarationOnly(code: number): boolean {
	return code === 2527 || code === 2742 || (code >= 4000 && code <= 4103);
}

const failed: ConvertResult = {
	diagnostics: [
		{
			start: { offset: 0, line: 0, character: 0 },
			end: { offset: 0, line: 0, character: 0 },
			messageText: "",
			category: 1,
			code: 0,
		},
	],
};

/** Keeps what the executor would only print, and survives what the compiler throws. */
function wrapConverter(
	converter: Converter,
	conversion: Conversion,
	{ emitted }: { emitted: Emitted },
): Converter {
	return {
		...converter,
		convert(previous: string, source: string): ConvertResult {
			conversion.diagnostics = [];
			conversion.failure = undefined;
			let result: ConvertResult;
			try {
				result = converter.convert(previous, source);
			} catch (error) {
				conversion.failure = error;
				conversion.diagnostics = failed.diagnostics;
				return failed;
			}
			conversion.diagnostics = result.diagnostics;
			if (result.output === undefined) return result;
			// tslab looks for the compiler's complaint about an await; there is none about `for await` and `await (`.
			const hasToplevelAwait = result.hasToplevelAwait || /\bawait\b/.test(result.output);
			const name = conversion.scriptName;
			conversion.maps.set(
				name,
				new CellMap(source, emitted.first, emitted.second, result.output, hasToplevelAwait),
			);
			return { ...result, hasToplevelAwait, output: `${result.output}\n//# sourceURL=${name}` };
		},
		complete(previous: string, source: string, position: number): CompletionInfo {
			return converter.complete(previous, source, position);
		},
	};
}
