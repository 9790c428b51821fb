import { describe, expect, it } from "vitest";
import { defaultMemoryLimit, interruptible, openDuckdb } from "./open.ts";

const GIB = 2 ** 30;

describe("DuckDB is opened", () => {
	it("with a quarter of the memory, between 256 MiB and 4 GiB", () => {
		expect([GIB / 2, 8 * GIB, 256 * GIB].map(defaultMemoryLimit)).toEqual([GIB / 4, 2 * GIB, 4 * GIB]);
	});
	it("so that it loads nothing from elsewhere", async () => {
		const db = await openDuckdb({ threads: 1, memoryLimit: GIB });
		const r = await db.connection.runAndReadAll(
			"SELECT current_setting('autoinstall_known_extensions'), current_setting('autoload_known_extensions'), current_setting('threads'), current_setting('memory_limit')",
		);
		expect(r.getRows()[0]).toEqual([false, false, 1n, "1.0 GiB"]);
		db.close();
		db.close();
	});
	it("and a query stops at a signal, even one that came just before it began", async () => {
		const db = await openDuckdb({ threads: 1 });
		const stop = new AbortController();
		const work = interruptible(db.connection, stop.signal, async () => {
			stop.abort();
			await db.connection.run("SELECT count(*) FROM range(1000000000000)");
		});
		await expect(work).rejects.toThrow("stopped");
		await expect(interruptible(db.connection, stop.signal, async () => 1)).rejects.toThrow("stopped");
		expect((await db.connection.runAndReadAll("SELECT 1")).getRows()).toEqual([[1]]);
		db.close();
	});
});
