-- stack_frame: one frame of one stack
-- trace: trace
-- stack_id: stack [id]
-- kind: kernel or user
-- depth: 1 = leaf
-- frame_id: frame [id]
-- address: return address as recorded [address]
-- symbol: function as the symbol table has it; NULL if none covers the address
-- name: function without the suffixes of the compiler (.isra.0, .constprop.1, .part.2); NULL as symbol
-- module: kernel module or mapping; NULL for the core kernel
-- plumbing: a function through which waits go and which does not say what is waited for
SELECT s.trace, s.stack_id, s.kind, u.depth, f.frame_id, f.address, f.symbol,
	CASE WHEN s.kind = 'kernel' THEN f.stem ELSE f.symbol END AS name, f.module,
	s.kind = 'kernel' AND f.plumbing AS plumbing
FROM stack s
CROSS JOIN UNNEST(s.frames) WITH ORDINALITY AS u(frame_id, depth)
JOIN frame_info f ON f.trace = s.trace AND f.frame_id = u.frame_id
