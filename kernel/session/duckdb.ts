import type { AsyncLocalStorage } from "node:async_hooks";
import Module from "node:module";
import type { CellRun } from "./output.ts";

/**
 * Stops the queries of a cell that is interrupted. A query runs on DuckDB's threads: stopping the cell that awaits it
 * leaves it running and its connection blocked. And DuckDB forgets an interrupt that arrives between two calls, so
 * that the next call would run to its end. Therefore every call to DuckDB's native library is watched, whoever makes
 * it (the library, the cell's own code).
 */
export class Queries {
	private readonly connections = new Set<WeakRef<object>>();
	/** Calls of each cell that DuckDB has not answered. */
	private readonly pending = new Map<CellRun, Set<Promise<unknown>>>();
	private native: Bindings | undefined;

	constructor(private readonly cell: AsyncLocalStorage<CellRun>) {}

	/**
	 * Interrupts what the cell asked of DuckDB, until DuckDB has answered; what the cell asks from now on is refused.
	 * Other cells' queries do not run meanwhile.
	 */
	async stop(run: CellRun): Promise<void> {
		const calls = this.pending.get(run);
		if (calls === undefined) return;
		this.interruptAll();
		const again = setInterval(() => this.interruptAll(), 20);
		while (calls.size > 0) await Promise.allSettled(calls);
		clearInterval(again);
	}

	/**
	 * Watches DuckDB from the moment at which it is loaded (that costs 0.15 s, which a session without SQL does not
	 * pay): import and require of a CommonJS package both come by Module._load.
	 */
	watch(): void {
		const loader = Module as unknown as Loader;
		const load = loader._load;
		const watched = new WeakMap<object, object>();
		loader._load = (request, parent, isMain) => {
			const exports = load.call(Module, request, parent, isMain);
			if (request !== "@duckdb/node-bindings") return exports;
			const native = exports as Bindings;
			let wrapped = watched.get(native);
			if (wrapped === undefined) {
				wrapped = this.wrap(native);
				watched.set(native, wrapped);
			}
			return wrapped;
		};
	}

	private interruptAll(): void {
		for (const reference of this.connections) {
			const connection = reference.deref();
			if (connection === undefined) this.connections.delete(reference);
			else
				try {
					this.native?.interrupt(connection);
				} catch {
					// Closed since.
					this.connections.delete(reference);
				}
		}
	}

	/** The native library's exports are read-only: an object that stands before them. */
	private wrap(native: Bindings): object {
		this.native = native;
		const connect = async (database: unknown): Promise<object> => {
			const connection = await native.connect(database);
			this.connections.add(new WeakRef(connection));
			return connection;
		};
		const calls = working.map((name): [string, PropertyDescriptor] => {
			const call = native[name] as (...args: unknown[]) => Promise<unknown>;
			return [name, { enumerable: true, value: (...args: unknown[]) => this.call(() => call(...args)) }];
		});
		return Object.create(native, {
			...Object.fromEntries(calls),
			connect: { enumerable: true, value: connect },
		});
	}

	private async call<T>(work: () => Promise<T>): Promise<T> {
		const run = this.cell.getStore();
		if (run === undefined) return work();
		// In DuckDB's own words: lib and cells know an interrupted query by them.
		if (run.stopped) throw new Error("INTERRUPT Error: Interrupted!");
		const answer = work();
		const calls = this.pending.get(run) ?? new Set();
		this.pending.set(run, calls);
		calls.add(answer);
		try {
			return await answer;
		} finally {
			calls.delete(answer);
			if (calls.size === 0) this.pending.delete(run);
		}
	}
}

/** Functions of the native library that work on DuckDB's threads (@duckdb/node-bindings 1.5, duckdb.d.ts). */
const working = [
	"query",
	"prepare",
	"execute_prepared",
	"execute_prepared_streaming",
	"extract_statements",
	"prepare_extracted_statement",
	"execute_pending",
	"fetch_chunk",
] as const;

interface Bindings {
	connect(database: unknown): Promise<object>;
	interrupt(connection: object): void;
	[name: string]: unknown;
}

interface Loader {
	_load(request: string, parent: unknown, isMain: boolean): unknown;
}
