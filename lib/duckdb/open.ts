import { totalmem } from "node:os";
import { type DuckDBConnection, DuckDBInstance } from "duckdb";
import { exitCode, Interrupted, PowerkiError } from "../schema/errors.ts";

const MIB = 1024 * 1024;

export interface DuckdbOptions {
	/** Database file; default: in memory. */
	readonly path?: string;
	/** Worker threads of DuckDB; default: DuckDB's own choice, all CPUs. */
	readonly threads?: number;
	/** Bytes; default a quarter of the machine's memory, between 256 MiB and 4 GiB. */
	readonly memoryLimit?: number;
	/**
	 * Absolute directories outside of which SQL can neither read nor write; default: no restriction. The choice
	 * cannot be undone by a later SET.
	 */
	readonly onlyDirectories?: readonly string[];
	/** Where DuckDB spills when the memory limit is reached; default: it never spills, but fails with a message. */
	readonly spillDirectory?: string;
}

export interface Duckdb {
	readonly instance: DuckDBInstance;
	readonly connection: DuckDBConnection;
	/** Frees everything; open results become invalid. Can be called twice. */
	close(): void;
}

/** A quarter of the machine's memory, at least 256 MiB, at most 4 GiB; bytes. */
export function defaultMemoryLimit(total: number = totalmem()): number {
	return Math.max(256 * MIB, Math.min(4096 * MIB, Math.floor(total / 4)));
}

/**
 * Opens a DuckDB: the only place of the project that does. Nothing is ever downloaded: without the two settings
 * below, a function of an extension that is not built in makes DuckDB try the network.
 */
export async function openDuckdb(options: DuckdbOptions = {}): Promise<Duckdb> {
	let instance: DuckDBInstance;
	try {
		instance = await DuckDBInstance.create(options.path ?? ":memory:", {
			memory_limit: `${Math.floor((options.memoryLimit ?? defaultMemoryLimit()) / MIB)}MiB`,
			...(options.threads === undefined ? {} : { threads: String(options.threads) }),
			temp_directory: options.spillDirectory ?? "",
			autoinstall_known_extensions: "false",
			autoload_known_extensions: "false",
		});
	} catch (cause) {
		throw new PowerkiError(
			exitCode.environment,
			"DuckDB cannot be opened",
			[cause instanceof Error ? cause.message : String(cause)],
			{ cause },
		);
	}
	const connection = await instance.connect();
	// Footers of files that do not change are parsed once.
	await connection.run("SET parquet_metadata_cache = true");
	if (options.onlyDirectories !== undefined) {
		const list = options.onlyDirectories.map((d) => `'${d.replaceAll("'", "''")}'`).join(", ");
		// In this order: the list is frozen once external access is off.
		await connection.run(`SET allowed_directories = [${list}]`);
		await connection.run("SET enable_external_access = false");
	}
	let open = true;
	return {
		instance,
		connection,
		close() {
			if (!open) return;
			open = false;
			connection.closeSync();
			instance.closeSync();
		},
	};
}

/**
 * Runs `work` on the connection and stops it when the signal fires: then it ends within some 30 ms with an
 * Interrupted error, and the connection stays usable.
 */
export async function interruptible<T>(
	connection: DuckDBConnection,
	signal: AbortSignal | undefined,
	work: () => Promise<T>,
): Promise<T> {
	if (signal === undefined) return work();
	if (signal.aborted) throw new Interrupted();
	let timer: NodeJS.Timeout | undefined;
	const stop = () => {
		connection.interrupt();
		// An interrupt that arrives between two statements is forgotten by DuckDB: repeat until the work ends.
		timer = setInterval(() => connection.interrupt(), 20);
	};
	signal.addEventListener("abort", stop, { once: true });
	try {
		return await work();
	} catch (error) {
		if (signal.aborted) throw new Interrupted();
		throw error;
	} finally {
		signal.removeEventListener("abort", stop);
		clearInterval(timer);
	}
}
