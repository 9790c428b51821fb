import type { AsyncLocalStorage } from "node:async_hooks";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers";
import promises from "node:timers/promises";
import { promisify } from "node:util";
import type { CellRun } from "./output.ts";

type Timer = (callback: (...args: unknown[]) => void, ...rest: unknown[]) => unknown;
type Sleep = (...args: unknown[]) => Promise<unknown>;

/**
 * Timers of a cell do nothing any more once it was interrupted: without that, a loop that waits between its steps
 * (`for (;;) { await sleep(100); … }`) goes on for ever behind the next cells.
 */
export function stopTimersWithCell(cell: AsyncLocalStorage<CellRun>): void {
	for (const name of ["setTimeout", "setInterval", "setImmediate"] as const) {
		const original = globalThis[name] as unknown as Timer;
		const wrapped: Timer = (callback, ...rest) => {
			const run = cell.getStore();
			if (run === undefined || typeof callback !== "function") return original(callback, ...rest);
			const handle = original(
				(...args: unknown[]) => {
					if (!run.stopped) callback(...args);
					else if (name === "setInterval") clearInterval(handle as NodeJS.Timeout);
				},
				...rest,
			);
			return handle;
		};
		if (name !== "setInterval") {
			const sleep = sleeping((promises as unknown as Record<string, Sleep>)[name], cell);
			(promises as unknown as Record<string, Sleep>)[name] = sleep;
			// util.promisify(setTimeout) is the one of node:timers/promises.
			Object.defineProperty(wrapped, promisify.custom, { value: sleep });
		}
		Object.defineProperty(wrapped, "name", { value: name });
		(globalThis as unknown as Record<string, Timer>)[name] = wrapped;
		(timers as unknown as Record<string, Timer>)[name] = wrapped;
	}
	syncBuiltinESMExports();
}

function sleeping(original: Sleep, cell: AsyncLocalStorage<CellRun>): Sleep {
	return async (...args) => {
		const run = cell.getStore();
		const value = await original(...args);
		if (run?.stopped) await new Promise(() => {});
		return value;
	};
}
