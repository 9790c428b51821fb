-- frame_info: one frame with the names under which stacks show it
-- trace: trace
-- frame_id: frame [id]
-- address: return address as recorded [address]
-- symbol: function as the symbol table has it; NULL if none covers the address
-- stem: function without the suffixes of the compiler (.isra.0, .constprop.1, .part.2); NULL as symbol
-- module: kernel module or mapped file; NULL for the core kernel and for memory that is not mapped
-- plumbing: the kernel function of this name is one through which waits go and which does not say what is waited for
-- file: source file; NULL if unknown
-- line: source line; NULL if unknown
-- inlined: an inlined call
SELECT n.trace, n.frame_id, n.address, n.symbol, n.stem, n.module, count(p.symbol) > 0 AS plumbing, n.file, n.line, n.inlined
FROM (
	SELECT trace, frame_id, address, symbol, module, file, line, inlined,
		CASE WHEN strpos(symbol, '.') > 1 THEN split_part(symbol, '.', 1) ELSE symbol END AS stem
	FROM frame
) n
LEFT JOIN wait_plumbing p ON n.stem = p.symbol OR (p.prefix AND starts_with(n.stem, p.symbol))
GROUP BY n.trace, n.frame_id, n.address, n.symbol, n.stem, n.module, n.file, n.line, n.inlined
