-- interrupts_off: one kernel stack that was sampled late, when interrupts were switched on again
-- trace: trace
-- stack_id: stack [id]
-- until_function: function in which they were switched on; NULL if it has no name
-- depth: its place in the stack, 1 = leaf; the frames above it are no work that was sampled; NULL if there is none below them
WITH handler AS (
	SELECT f.trace, f.frame_id, bool_or(p.replays) AS replays
	FROM frame_info f
	JOIN interrupt_replay p
		ON p.trace = f.trace AND (f.stem = p.symbol OR (p.prefix AND starts_with(f.stem, p.symbol)))
	GROUP BY f.trace, f.frame_id
),
placed AS (
	SELECT s.trace, s.stack_id, u.depth, f.stem, h.replays
	FROM stack s
	JOIN handler leaf ON leaf.trace = s.trace AND leaf.frame_id = element_at(s.frames, 1)
	CROSS JOIN UNNEST(s.frames) WITH ORDINALITY AS u(frame_id, depth)
	JOIN frame_info f ON f.trace = s.trace AND f.frame_id = u.frame_id
	LEFT JOIN handler h ON h.trace = s.trace AND h.frame_id = u.frame_id
	WHERE s.kind = 'kernel'
)
SELECT trace, stack_id, min_by(stem, depth) FILTER (WHERE replays IS NULL AND stem IS NOT NULL) AS until_function,
	min(depth) FILTER (WHERE replays IS NULL AND stem IS NOT NULL) AS depth
FROM placed
GROUP BY trace, stack_id
HAVING min(depth) FILTER (WHERE replays) < coalesce(min(depth) FILTER (WHERE replays IS NULL), max(depth) + 1)
