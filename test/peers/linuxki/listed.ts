/**
 * Where the lines that kiinfo prints and our rows differ: causes, and in listed.json the counts by archive, event and
 * difference. To count again after a change that is meant: KITRACE=1 prints the differences and their counts.
 */
import counts from "./listed.json" with { type: "json" };

/** Why each difference is none of ours. References: LinuxKI 7.11, Linux 6.1 and 6.12. */
export const causes: Readonly<Record<string, string>> = {
	"pid -1":
		"The record does not name the interrupted thread; our row has the one that the CPU ran by its switches",
	"async is NULL": "Linux counts no requests in flight since 4.18: the recorded 0 is no count",
	"sync is NULL": "As for async",
	"success is NULL": "The field went with Linux 4.3; kiinfo reads what lies at its old place",
	"argument 2 of mknodat": "POWER's call 33 is access, with two arguments; kiinfo uses the table of aarch64",
	"not printed":
		"kiinfo loses the records behind an absolute time stamp of the same page; of x86-liki-lost the print is an excerpt",
	svtm: "The issue of that request is among the records that kiinfo loses",
	"svtm at sector 0": "kiinfo takes a request at sector 0 for none",
	"svtm of FF, empty": "kiinfo times no flushes",
	"svtm is NULL of WS, empty": "The second completion of a write with FUA: it ends no request",
	"svtm is NULL of WSM, empty": "As for WS",
	socket: "kiinfo prints one address of a UDP pair; the record has both",
	"kernel stack without schedule": "kiinfo leaves out the scheduler's own frames at the top",
	"kernel stack with the recorder's probe": "kiinfo shows the frame of the probe that recorded the event",
	"kernel stack with scratch, or named otherwise":
		"kiinfo shows the word behind an exception of POWER, which is scratch; it names a call that ends a function after the function behind; it knows no weak symbols",
	"kernel stack cut": "The frames of the sampling timer and of its interrupt are no part of what was sampled",
	"kernel stack without arch_local_irq_restore":
		"kiinfo leaves out where interrupts were switched on again: the place that the sample was taken at",
	"user stack with its second word":
		"kiinfo shows the word behind the link register of POWER, which is scratch, and zeros",
	"user stack": "kiinfo shows a word that lies outside the program's code",
	"state SYS is USER": "The timer came upon user code: kiinfo takes the timer's own frames for the kernel's",
	"state SYS is NULL": "A kernel thread of which no frame was recorded: nothing tells what it did",
};

type Counts = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;

/** Differences that are known of the lines of one event. */
export function listed(archive: string, event: string): Readonly<Record<string, number>> {
	const known = (counts as Counts)[archive]?.[event] ?? {};
	for (const what of Object.keys(known))
		if (!(what in causes)) throw new Error(`no cause is given for "${what}"`);
	return known;
}
