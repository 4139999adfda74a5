-- The answer to an earlier submission with the same Idempotency-Key, before the new request is validated.
-- include: queue/lua/shared/idempotency.lua
return first_answer() or {'ok'}
