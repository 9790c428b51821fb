-- interrupt_replay: one kernel function that is on top of a stack because interrupts were just switched on again
-- trace: trace; the functions are those of its machine
-- symbol: function
-- prefix: every function whose name begins so
-- replays: it handles what came while they were off; FALSE for what the timer or the performance monitor puts above it
--   (ppc64 masks interrupts in software: arch/powerpc/kernel/irq_64.c and time.c, arch/powerpc/perf/core-book3s.c,
--   kernel/time/hrtimer.c, kernel/events/core.c, Linux 5.8 to 7.2)
SELECT t.trace, p.symbol, p.prefix, p.replays
FROM trace t
JOIN (VALUES
	('ppc64', 'replay_soft_interrupts', TRUE, TRUE),
	('ppc64', '__replay_soft_interrupts', TRUE, TRUE),
	('ppc64', 'arch_local_irq_restore', TRUE, TRUE),
	('ppc64', 'timer_interrupt', FALSE, FALSE),
	('ppc64', '__timer_interrupt', FALSE, FALSE),
	('ppc64', 'hrtimer_interrupt', FALSE, FALSE),
	('ppc64', '__hrtimer_run_queues', FALSE, FALSE),
	('ppc64', '__run_hrtimer', FALSE, FALSE),
	('ppc64', 'perf_swevent_hrtimer', FALSE, FALSE),
	('ppc64', 'performance_monitor_exception', TRUE, FALSE),
	('ppc64', 'performance_monitor_common', TRUE, FALSE),
	('ppc64', 'perf_event_interrupt', FALSE, FALSE),
	('ppc64', '__perf_event_interrupt', FALSE, FALSE)
) AS p(machine, symbol, prefix, replays) ON starts_with(t.machine, p.machine)
