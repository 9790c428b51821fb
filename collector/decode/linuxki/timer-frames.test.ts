import { describe, expect, it } from "vitest";
import type { KernelSymbol } from "../../identity/kallsyms.ts";
import { isPowerException, recorderFrames, TimerFrames } from "./timer-frames.ts";

/** "name" or "name[module]"; "-" for an address without a symbol. */
function symbol(text: string): KernelSymbol | null {
	if (text === "-") return null;
	const module = /\[.*\]$/.exec(text)?.[0] ?? null;
	return { symbol: module === null ? text : text.slice(0, -module.length), offset: 8, module };
}

/** What stays of a chain, leaf first. */
function left(arch: string, chain: string): string {
	const names = chain.split(" ");
	return names.slice(new TimerFrames(arch).cut((k) => symbol(names[k]!), names.length)).join(" ");
}

describe("the frames of a hardclock above what it sampled", () => {
	const softirq6 =
		"__run_timers run_timer_softirq handle_softirqs do_softirq_own_stack __irq_exit_rcu irq_exit";
	const softirq612 =
		"__run_timers run_timer_base run_timer_softirq handle_softirqs do_softirq_own_stack __irq_exit_rcu irq_exit";

	// chains of the captures ppc64le-liki-mixed (6.1) and ppc64le-liki-4k-smt2-all (6.12)
	it.each([
		[`${softirq6} timer_interrupt decrementer_common_virt`, ""],
		[`${softirq612} timer_interrupt decrementer_common_virt`, ""],
		[
			`${softirq612} timer_interrupt decrementer_common_virt - sys_clock_gettime system_call_exception`,
			"- sys_clock_gettime system_call_exception",
		],
		// what was interrupted may itself be the end of an interrupt
		[
			`${softirq6} timer_interrupt decrementer_common_virt __irq_exit_rcu interrupt_exit_user_prepare_main`,
			"__irq_exit_rcu interrupt_exit_user_prepare_main",
		],
		// replayed when interrupts are switched on again
		[
			`${softirq6} arch_local_irq_restore finish_task_switch.isra.0 __schedule schedule`,
			"arch_local_irq_restore finish_task_switch.isra.0 __schedule schedule",
		],
		// no interrupt: softirqs are this thread's work
		[
			"__run_timers run_timer_softirq handle_softirqs run_ksoftirqd smpboot_thread_fn kthread",
			"handle_softirqs run_ksoftirqd smpboot_thread_fn kthread",
		],
		[
			"__run_timers run_timer_base run_timer_softirq handle_softirqs do_softirq_own_stack do_softirq __local_bh_enable_ip release_sock",
			"handle_softirqs do_softirq_own_stack do_softirq __local_bh_enable_ip release_sock",
		],
	])("POWER: %s", (chain, expected) => {
		expect(left("ppc64le", chain)).toBe(expected);
	});

	// the module is built with a skip count, so a chain may begin anywhere
	it.each([
		["asm_sysvec_apic_timer_interrupt", ""],
		[
			"hardclock_timer[likit] call_timer_fn __run_timers.part.0 run_timer_softirq __do_softirq __irq_exit_rcu irq_exit_rcu sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt native_safe_halt default_idle",
			"native_safe_halt default_idle",
		],
		[
			"run_timer_softirq __do_softirq asm_call_sysvec_on_stack do_softirq_own_stack irq_exit_rcu sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt vfs_read",
			"vfs_read",
		],
		[
			"call_timer_fn run_timer_softirq __softirqentry_text_start irq_exit smp_apic_timer_interrupt apic_timer_interrupt vfs_read",
			"vfs_read",
		],
		["call_timer_fn run_timer_softirq __do_softirq irq_exit do_IRQ ret_from_intr vfs_read", "vfs_read"],
		// a fault is no interrupt: the kernel worked for the thread
		["asm_exc_page_fault", "asm_exc_page_fault"],
		["do_softirq __local_bh_enable_ip tcp_sendmsg", "do_softirq __local_bh_enable_ip tcp_sendmsg"],
		// nothing above it: the thread was in the module
		["cpu_buf_read[likit] vfs_read", "cpu_buf_read[likit] vfs_read"],
		["start_secondary secondary_startup_64_no_verify", "start_secondary secondary_startup_64_no_verify"],
	])("x86: %s", (chain, expected) => {
		expect(left("x86_64", chain)).toBe(expected);
	});

	it.each([
		[
			"call_timer_fn __run_timers run_timer_softirq __do_softirq ____do_softirq call_on_irq_stack do_softirq_own_stack irq_exit_rcu el1_interrupt el1h_64_irq_handler el1h_64_irq default_idle_call",
			"default_idle_call",
		],
		[
			"run_timer_softirq __do_softirq irq_exit_rcu el0_interrupt __el0_irq_handler_common el0t_64_irq_handler el0t_64_irq",
			"",
		],
		[
			"call_timer_fn run_timer_softirq __do_softirq irq_exit __handle_domain_irq gic_handle_irq el1_irq vfs_read",
			"vfs_read",
		],
	])("arm64: %s", (chain, expected) => {
		expect(left("aarch64", chain)).toBe(expected);
	});

	it("are those of the machine alone", () => {
		expect(left("x86_64", "irq_exit timer_interrupt decrementer_common_virt")).toBe(
			"timer_interrupt decrementer_common_virt",
		);
	});

	it("end at an address without a name, and at the second interrupt below the first", () => {
		expect(left("ppc64le", `- ${softirq6} timer_interrupt`)).toBe(`- ${softirq6} timer_interrupt`);
		expect(
			left("x86_64", "irq_exit_rcu sysvec_x asm_sysvec_x irq_exit_rcu sysvec_y asm_sysvec_y vfs_read"),
		).toBe("irq_exit_rcu sysvec_y asm_sysvec_y vfs_read");
		expect(left("x86_64", "sysvec_x irq_exit_rcu vfs_read")).toBe("irq_exit_rcu vfs_read");
		expect(left("x86_64", "asm_sysvec_x asm_sysvec_y vfs_read")).toBe("asm_sysvec_y vfs_read");
	});
});

describe("the recorder's frames on an event's stack", () => {
	const count = (chain: string) => {
		const names = chain.split(" ");
		return recorderFrames((k) => symbol(names[k]!), names.length);
	};

	it("are its probe and what calls it", () => {
		expect(count("sched_switch_trace[likit] __schedule schedule")).toBe(1);
		expect(count("sched_migrate_task_trace[likit] __traceiter_sched_migrate_task set_task_cpu")).toBe(2);
		expect(count("__schedule schedule")).toBe(0);
		expect(count("sched_switch_trace[likit]")).toBe(1);
	});

	it("are not the module's functions in which a thread waits or works, nor other modules' of these names", () => {
		expect(count("cpu_buf_read[likit] full_proxy_read vfs_read")).toBe(0);
		expect(count("syscall_exit_trace[likit] do_syscall_trace_leave")).toBe(0);
		expect(count("sched_switch_trace[other] __schedule")).toBe(0);
	});
});

it("the labels of POWER's exceptions are told from functions that end alike", () => {
	const labels = ["decrementer_common_virt", "data_access_common", "h_virt_irq_common_real"];
	const others = [
		"do_execveat_common",
		"folio_wait_bit_common",
		"__wait_for_common",
		"system_call_common",
		"system_call_vectored_common",
	];
	expect(labels.filter((name) => isPowerException(symbol(name)))).toEqual(labels);
	expect([...others, "-"].filter((name) => isPowerException(symbol(name)))).toEqual([]);
});
