import type { MimeBundle } from "../../lib/schema/mime.ts";
import { type Cell, parseCell } from "../language/cell.ts";
import { rowType } from "../language/row-type.ts";
import { sqlCellError } from "../language/sql-error.ts";
import type { Datasets, QueryResult } from "./dataset.ts";
import { toBundle } from "./display.ts";
import { DisplayHandle, type Displays } from "./display-api.ts";
import type { Queries } from "./duckdb.ts";
import { converterError, scriptName, thrownError, typeError } from "./errors.ts";
import type { CellError, Evaluated, Replies, Request } from "./messages.ts";
import type { CellRun, Outputs } from "./output.ts";
import { createTslab, type Tslab } from "./tslab.ts";

/** Rows that a `%%sql` cell fetches when it keeps no result: it shows fewer still. */
const sqlRows = 1000;

/** Where a cell's SQL result waits until the cell's variable takes it. */
const handover = "powerki.sql.result";

/** Runs cells, one at a time. */
export class Cells {
	readonly tslab: Tslab;
	/** What the running code said: the last expression's value, and what it threw. */
	private value: { readonly value: unknown } | undefined;
	private thrown: { readonly error: unknown } | undefined;
	private running: { run: CellRun; stop: (error: unknown) => void } | undefined;
	private scripts = 0;

	constructor(
		cwd: string,
		root: string,
		private readonly outputs: Outputs,
		private readonly displays: Displays,
		private readonly datasets: Datasets,
		private readonly queries: Queries,
	) {
		this.tslab = createTslab(
			cwd,
			root,
			(value) => {
				this.value = { value };
			},
			(error) => {
				this.thrown = { error };
			},
		);
	}

	/** Runs a cell; its outputs, an error among them, go out by `outputs`. */
	execute({ id, code, count, silent }: Extract<Request, { type: "execute" }>): Promise<Replies["execute"]> {
		const run: CellRun = { id, count, silent, stopped: false, printed: 0 };
		return this.outputs.cell.run(run, async () => {
			const error = await this.attempt(run, () => this.runCell(parseCell(code), code, count));
			if (error === undefined) return {};
			this.outputs.send({ output_type: "error", ...error });
			return { error };
		});
	}

	/** Values of expressions; none of them stops the others. */
	async evaluate(expressions: Record<string, string>): Promise<Record<string, Evaluated>> {
		const values: Record<string, Evaluated> = {};
		const run: CellRun = { id: 0, count: 0, silent: true, stopped: false, printed: 0 };
		for (const [key, expression] of Object.entries(expressions)) {
			const error = await this.outputs.cell.run(run, () =>
				this.attempt(run, async () => {
					await this.typescript(expression, 0);
					values[key] = { status: "ok", data: await toBundle(this.value?.value), metadata: {} };
				}),
			);
			if (error !== undefined) values[key] = { status: "error", ...error };
		}
		return values;
	}

	/** Ends the running cell with an error. What it awaits goes on unheard; its timers and queries stop. */
	interrupt(): void {
		if (this.running === undefined) return;
		this.running.run.stopped = true;
		this.tslab.executor.interrupt();
		this.running.stop(new Interruption());
	}

	/** The error with which the work ended, also when the user stopped it. */
	private async attempt(run: CellRun, work: () => Promise<void>): Promise<CellError | undefined> {
		const stopped = new Promise<never>((_, reject) => {
			this.running = { run, stop: reject };
		});
		stopped.catch(() => {});
		try {
			await Promise.race([work(), stopped]);
			return undefined;
		} catch (error) {
			// A loop that never waits is stopped by the signal itself (vm's breakOnSigint), without the handler.
			if ((error as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_INTERRUPTED")
				run.stopped = true;
			if (run.stopped || error instanceof Interruption) {
				// The next cell finds its connections free.
				await this.queries.stop(run);
				return interrupted;
			}
			if (error instanceof Reported) return error.error;
			return thrownError(error, this.tslab.conversion.maps);
		} finally {
			this.running = undefined;
		}
	}

	private async runCell(cell: Cell, code: string, count: number): Promise<void> {
		switch (cell.language) {
			case "unknown":
				throw new Reported({
					ename: "CellError",
					evalue: cell.message,
					traceback: [`CellError: ${cell.message}`],
				});
			case "sql":
				await this.sql(cell, code, count);
				break;
			case "typescript":
				await this.typescript(cell.code, count);
				break;
		}
		// In the order in which the cell made them: what it displayed, then its value.
		await this.displays.settled();
		if (this.value === undefined || this.value.value instanceof DisplayHandle) return;
		// A promise is shown when it has come: a forgotten await is the commonest slip with queries.
		const bundle: MimeBundle = await toBundle(await this.value.value);
		if (!this.outputs.cell.getStore()?.stopped)
			this.outputs.send({ output_type: "execute_result", data: bundle, metadata: {} });
	}

	/** Compiles and runs TypeScript; `value` then is the value of its last expression. */
	private async typescript(code: string, count: number): Promise<void> {
		const { executor, conversion } = this.tslab;
		this.value = undefined;
		this.thrown = undefined;
		conversion.scriptName = scriptName(count, ++this.scripts);
		await executor.execute(code);
		if (conversion.failure !== undefined) throw new Reported(converterError(conversion.failure));
		if (conversion.diagnostics.length > 0) throw new Reported(typeError(code, conversion.diagnostics));
		const thrown = this.thrown as { readonly error: unknown } | undefined;
		if (thrown !== undefined) throw thrown.error;
	}

	private async sql(cell: Extract<Cell, { language: "sql" }>, code: string, count: number): Promise<void> {
		this.value = undefined;
		const dataset = await this.datasets.open();
		const limit = cell.limit ?? (cell.name === undefined ? sqlRows : undefined);
		let result: QueryResult;
		try {
			result = await dataset.query(cell.query, [], limit === undefined ? {} : { limit });
		} catch (error) {
			if (error instanceof Error && error.name === "Interrupted") throw new Interruption();
			throw new Reported(sqlCellError(error, code, cell.line));
		}
		if (cell.name !== undefined) await this.keep(cell.name, result, count);
		this.value = { value: result };
	}

	/** Makes the result a variable of later cells, with the types of its columns. */
	private async keep(name: string, result: QueryResult, count: number): Promise<void> {
		const place = globalThis as unknown as Record<string, unknown>;
		place[handover] = result;
		try {
			const type = `import("powerki").SqlResult<${rowType(result.columns)}>`;
			await this.typescript(
				`const ${name} = (globalThis as any)[${JSON.stringify(handover)}] as ${type};`,
				count,
			);
		} finally {
			delete place[handover];
		}
	}
}

class Interruption extends Error {}

/** An error that is already in Jupyter's form. */
class Reported extends Error {
	constructor(readonly error: CellError) {
		super(error.evalue);
	}
}

const interrupted: CellError = {
	ename: "KeyboardInterrupt",
	evalue: "interrupted",
	traceback: ["KeyboardInterrupt: interrupted"],
};
