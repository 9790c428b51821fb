-- wait_plumbing: one function through which waits go and which does not say what is waited for
-- symbol: function
-- prefix: every function whose name begins so
-- generation: kernels that have it
--   (Linux 5.4 to 7.x: kernel/sched/{core,completion,wait,wait_bit}.c, kernel/time/{timer,sleep_timeout,hrtimer}.c)
SELECT symbol, prefix, generation
FROM (VALUES
	('__schedule', FALSE, 'all'),
	('schedule', FALSE, 'all'),
	('schedule_timeout', TRUE, 'all'),
	('schedule_hrtimeout_range', TRUE, 'all'),
	('schedule_hrtimeout', FALSE, 'all'),
	('schedule_preempt_disabled', FALSE, 'all'),
	('__schedule_loop', FALSE, '6.6 and later'),
	('schedule_rtlock', FALSE, 'PREEMPT_RT'),
	('preempt_schedule', TRUE, 'all'),
	('__cond_resched', FALSE, 'all'),
	('_cond_resched', FALSE, 'before 5.12'),
	('io_schedule', TRUE, 'all'),
	('__wait_for_common', FALSE, 'all'),
	('wait_for_common', TRUE, 'all'),
	('do_wait_for_common', FALSE, 'all'),
	('wait_for_completion', TRUE, 'all'),
	('bit_wait', TRUE, 'all'),
	('__wait_on_bit', TRUE, 'all'),
	('out_of_line_wait_on_bit', TRUE, 'all'),
	('wait_woken', FALSE, 'all'),
	('__traceiter_sched_switch', FALSE, 'all'),
	('trace_event_raw_event_sched_switch', FALSE, 'all'),
	('trace_event_buffer_commit', FALSE, 'all')
) AS p(symbol, prefix, generation)
