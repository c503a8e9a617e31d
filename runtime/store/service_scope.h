// Conditions for callers who are bound to a part of the portfolio (migration `bound`); for all others they are settled once for the whole statement.
#pragma once

#define SEES_CASE(t) "((select dunlin.unbound()) or dunlin.sees(" t ".bucket, " t ".case_id)) "
#define SEES_QUEUE(name) "((select dunlin.unbound()) or dunlin.sees_queue(" name ")) "
#define SEES_TASK(t) "((select dunlin.unbound()) or (dunlin.sees_queue(" t ".queue) and dunlin.sees_key(" t ".entity, " t ".key))) "
