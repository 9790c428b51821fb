/** Vectors of softirqs and when they were raised. */
import { grown } from "../grown.ts";

/** include/linux/interrupt.h, the enum behind softirq_to_name (Linux 6.1 to 7.2). */
export const softirqNames = [
	"HI",
	"TIMER",
	"NET_TX",
	"NET_RX",
	"BLOCK",
	"IRQ_POLL",
	"TASKLET",
	"SCHED",
	"HRTIMER",
	"RCU",
] as const;

const VECTORS = 16;

/** First softirq_raise of each vector on each CPU since its last run. A vector is pending once, however often it is raised. */
export class SoftirqRaises {
	#ts = new Float64Array(64 * VECTORS).fill(Number.NaN);

	raise(cpu: number, vec: number, ts: number): void {
		if (!(vec >= 0 && vec < VECTORS)) return;
		const at = cpu * VECTORS + vec;
		if (at >= this.#ts.length)
			this.#ts = grown(this.#ts, Math.max(this.#ts.length * 2, (cpu + 1) * VECTORS), Number.NaN);
		if (Number.isNaN(this.#ts[at]!)) this.#ts[at] = ts;
	}

	/** When the vector that now runs was raised; NaN if that was not seen. */
	take(cpu: number, vec: number): number {
		const at = cpu * VECTORS + vec;
		if (!(vec >= 0 && vec < VECTORS) || at >= this.#ts.length) return Number.NaN;
		const ts = this.#ts[at]!;
		this.#ts[at] = Number.NaN;
		return ts;
	}

	/** After lost events: a vector may have run and been raised again unseen. */
	forget(cpu: number): void {
		this.#ts.fill(Number.NaN, cpu * VECTORS, (cpu + 1) * VECTORS);
	}
}
