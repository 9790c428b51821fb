import Module from "node:module";
import type { DuckDBConnection, DuckDBInstance } from "duckdb";

/**
 * Every open DuckDB connection of the session, whoever opened it. A query runs on DuckDB's threads: stopping the
 * cell that awaits it leaves it running and its connection blocked, unless the connection itself is interrupted.
 */
const connections = new Set<WeakRef<DuckDBConnection>>();

/** Interrupts the queries that run now. */
export function interruptQueries(): void {
	for (const reference of connections) {
		const connection = reference.deref();
		if (connection === undefined) connections.delete(reference);
		else
			try {
				connection.interrupt();
			} catch {
				// Closed since.
				connections.delete(reference);
			}
	}
}

interface Loader {
	_load(request: string, parent: unknown, isMain: boolean): unknown;
}

/**
 * Registers connections from the moment at which DuckDB is loaded (it costs 0.15 s, which a session without SQL
 * does not pay): import and require of a CommonJS package both come by Module._load.
 */
export function watchDuckdb(): void {
	const loader = Module as unknown as Loader;
	const load = loader._load;
	const seen = new WeakSet<object>();
	loader._load = function (request, parent, isMain) {
		const exports = load.call(this, request, parent, isMain);
		if (/duckdb/i.test(request) && typeof exports === "object" && exports !== null) {
			const instance = (exports as { DuckDBInstance?: typeof DuckDBInstance }).DuckDBInstance;
			if (instance !== undefined && !seen.has(instance)) {
				seen.add(instance);
				const connect = instance.prototype.connect;
				instance.prototype.connect = async function () {
					const connection = await connect.call(this);
					connections.add(new WeakRef(connection));
					return connection;
				};
			}
		}
		return exports;
	};
}
