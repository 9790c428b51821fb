/**
 * Frames that the recorder and its timer put on top of the stack of a hardclock.
 *
 * The hardclock of LinuxKI's module is a timer of the kernel's timer wheel since Linux 4.12: it runs in the TIMER
 * softirq, mostly when an interrupt ends. What was sampled lies below the function through which that interrupt came in.
 * How many of these frames a chain still has depends on the skip count that the module was built with.
 */
import type { KernelSymbol } from "../../identity/kallsyms.ts";

/** In the order in which they lie on the stack, from the leaf on. */
const RECORDER = 0;
const TIMER = 1;
const SOFTIRQ = 2;
const IRQ_EXIT = 3;
const HANDLER = 4;
const ENTRY = 5;

/** kernel/time/timer.c, timer_migration.c (Linux 4.12-7.x); expire_timers and call_timer_fn are often inlined. */
const timer = [
	"call_timer_fn",
	"expire_timers",
	"__run_timers",
	"__run_timer_base",
	"run_timer_base",
	"timer_expire_remote",
	"tmigr_handle_remote_up",
	"__walk_groups",
	"tmigr_handle_remote",
	"run_timer_softirq",
];

/** kernel/softirq.c and the switch to the stack of softirqs. handle_softirqs: 6.10 and what it was ported back to. */
const softirq = [
	"handle_softirqs",
	"__do_softirq",
	// begins where __do_softirq does, and stands before it in kallsyms
	"__softirqentry_text_start",
	"____do_softirq",
	"do_softirq_own_stack",
	"invoke_softirq",
	// x86 before 5.8; 5.8 to 5.11
	"call_softirq",
	"asm_call_on_stack",
	"asm_call_irq_on_stack",
	"asm_call_sysvec_on_stack",
	// powerpc before 5.17
	"call_do_softirq",
	// arm64 since 6.0
	"call_on_irq_stack",
];

const irqExit = ["__irq_exit", "__irq_exit_rcu", "irq_exit_rcu", "irq_exit"];

/** Names by class; a `*` at the end: whatever begins so. */
type Names = readonly (readonly [number, readonly string[]])[];

const common: Names = [
	[TIMER, timer],
	[SOFTIRQ, softirq],
	[IRQ_EXIT, irqExit],
];

/** Interrupts of arch/powerpc/kernel/exceptions-64s.S whose end runs softirqs: labels NAME_common, _virt and _real. */
const powerInterrupts = [
	"decrementer",
	"hdecrementer",
	"doorbell_super",
	"h_doorbell",
	"h_virt_irq",
	"hardware_interrupt",
	"performance_monitor",
];
/** The other exceptions there: kernel code may lie below them too. System calls are none: only user code does. */
const powerExceptions = [
	"data_access",
	"data_access_slb",
	"instruction_access",
	"instruction_access_slb",
	"h_data_storage",
	"h_instr_storage",
	"alignment",
	"program_check",
	"emulation_assist",
	"fp_unavailable",
	"altivec_unavailable",
	"altivec_assist",
	"vsx_unavailable",
	"facility_unavailable",
	"h_facility_unavailable",
	"instruction_breakpoint",
	"single_step",
	"denorm_exception",
	"hmi_exception",
	"hmi_exception_early",
	"machine_check",
	"machine_check_early",
	"system_reset",
	"soft_nmi",
];
const labels = (names: readonly string[]) =>
	names.flatMap((name) => ["_common", "_common_virt", "_common_real"].map((end) => name + end));

const byMachine: readonly { readonly machine: RegExp; readonly names: Names }[] = [
	{
		// replayed interrupts (irq_64.c) have no label: their handler, or irq_exit, is called by arch_local_irq_restore
		machine: /^ppc64/,
		names: [
			[
				HANDLER,
				[
					"timer_interrupt",
					"__do_irq",
					"__do_IRQ",
					"do_IRQ",
					"doorbell_exception",
					"performance_monitor_exception",
				],
			],
			[ENTRY, labels(powerInterrupts)],
		],
	},
	{
		// arch/x86/entry/entry_64.S, include/asm/idtentry.h: sysvec_… and asm_sysvec_… since 5.8, smp_… and the names of the vectors before
		machine: /^x86_64$/,
		names: [
			[
				HANDLER,
				[
					"sysvec_*",
					"__sysvec_*",
					"smp_apic_timer_interrupt",
					"smp_call_function_interrupt",
					"smp_call_function_single_interrupt",
					"smp_irq_work_interrupt",
					"do_IRQ",
					"__common_interrupt",
					"common_interrupt",
					"xen_evtchn_do_upcall",
					"hyperv_vector_handler",
				],
			],
			[
				ENTRY,
				[
					"asm_sysvec_*",
					"asm_common_interrupt",
					"ret_from_intr",
					"apic_timer_interrupt",
					"reschedule_interrupt",
					"call_function_interrupt",
					"call_function_single_interrupt",
					"irq_work_interrupt",
					"xen_hvm_callback_vector",
					"hyperv_callback_vector",
				],
			],
		],
	},
	{
		// arch/arm64/kernel/entry.S and entry-common.c: el1_irq, el0_irq until 5.11; el1h_64_irq … since 5.14
		machine: /^aarch64$/,
		names: [
			[
				HANDLER,
				[
					"__handle_domain_irq",
					"handle_domain_irq",
					"gic_handle_irq",
					"do_interrupt_handler",
					"el1_interrupt",
					"__el1_irq",
					"el0_interrupt",
					"el0_irq_handler",
					"__el0_irq_handler_common",
					"el1_irq_handler",
					"el1h_64_irq_handler",
					"el0t_64_irq_handler",
					"el0t_32_irq_handler",
				],
			],
			[ENTRY, ["el1_irq", "el0_irq", "el0_irq_naked", "el1h_64_irq", "el0t_64_irq", "el0t_32_irq"]],
		],
	},
];

const powerLabels = new Set(labels([...powerInterrupts, ...powerExceptions]));

/** A kernel function without what the compiler adds (.isra.0, .part.0). */
function stem(name: string): string {
	const dot = name.indexOf(".", 1);
	return dot < 0 ? name : name.slice(0, dot);
}

/** Whether a function is a label of POWER's exception entry: below it lies what was interrupted, if kernel code was. */
export function isPowerException(symbol: KernelSymbol | null): boolean {
	return symbol !== null && powerLabels.has(symbol.symbol);
}

/** LinuxKI's module. Its other functions are no recorder of this event: threads run and wait in them. */
const module = "[likit]";
const recorderOfSample = /^(hardclock_timer|liki_stack_unwind|save_stack_trace_regs)\b/;
const recorderOfEvent =
	/^((sched_switch|sched_migrate_task|mm_page_alloc|mm_page_free|page_cache_evict)_trace|liki_stack_unwind|save_stack_trace_regs)\b/;
/** Calls the probes of a tracepoint (include/linux/tracepoint.h, since 5.10). */
const tracepoint = "__traceiter_";

/** How many frames at the leaf belong to the recording of an event, not to what the thread did. */
export function recorderFrames(symbolAt: (k: number) => KernelSymbol | null, count: number): number {
	let k = 0;
	for (; k < count; k++) {
		const symbol = symbolAt(k);
		if (symbol === null) return k;
		const own = symbol.module === module && recorderOfEvent.test(symbol.symbol);
		if (!own && !symbol.symbol.startsWith(tracepoint)) return k;
	}
	return k;
}

/** Knows the frames of the timer on one machine. */
export class TimerFrames {
	readonly #classes = new Map<string, number>();
	readonly #prefixes: { readonly prefix: string; readonly type: number }[] = [];

	/** @param arch as uname -m tells it */
	constructor(arch: string) {
		const own = byMachine.filter(({ machine }) => machine.test(arch)).flatMap(({ names }) => names);
		for (const [type, names] of [...common, ...own])
			for (const name of names) {
				if (name.endsWith("*")) this.#prefixes.push({ prefix: name.slice(0, -1), type });
				else this.#classes.set(name, type);
			}
	}

	/**
	 * How many frames from the leaf on are the recorder, the timer wheel, the softirq, the end of the interrupt, its
	 * handler, its entry, in this order: what is left was interrupted. Without an interrupt (ksoftirqd, or the end of a
	 * section with softirqs off) the thread does the work of softirqs: then only the recorder's own timer goes, the
	 * functions down to run_timer_softirq.
	 */
	cut(symbolAt: (k: number) => KernelSymbol | null, count: number): number {
		let type = RECORDER;
		let timerEnd = 0;
		let k = 0;
		for (; k < count && type < ENTRY; k++) {
			const next = this.#classOf(symbolAt(k));
			if (next < type) break;
			type = next;
			if (type === TIMER) timerEnd = k + 1;
		}
		return type >= IRQ_EXIT ? k : timerEnd;
	}

	/** -1: none of these. */
	#classOf(symbol: KernelSymbol | null): number {
		if (symbol === null) return -1;
		if (symbol.module === module) return recorderOfSample.test(symbol.symbol) ? RECORDER : -1;
		const name = stem(symbol.symbol);
		return this.#classes.get(name) ?? this.#prefixes.find((p) => name.startsWith(p.prefix))?.type ?? -1;
	}
}
