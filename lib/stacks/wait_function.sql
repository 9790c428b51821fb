-- wait_function: what a thread on this kernel stack waits in: the first frame that is not wait plumbing
-- trace: trace
-- stack_id: stack [id]
-- wait_function: function; NULL if no symbol table covers its address
-- module: its kernel module; NULL for the core kernel
-- depth: its place in the stack, 1 = leaf
SELECT s.trace, s.stack_id, s.name AS wait_function, s.module, s.depth
FROM stack_frame s
JOIN (
	SELECT f.trace, f.stack_id, min(f.depth) AS depth
	FROM stack_frame f
	WHERE f.kind = 'kernel' AND NOT f.plumbing
	GROUP BY f.trace, f.stack_id
) first ON first.trace = s.trace AND first.stack_id = s.stack_id AND first.depth = s.depth
