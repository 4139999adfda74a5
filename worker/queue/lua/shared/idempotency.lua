-- The reply to an earlier submission with this Idempotency-Key; nil when the key is new or not given.
local function first_answer()
  if args.idempotency_id == '' then return nil end
  local first = redis.call('HMGET', KEY.IDEMPOTENCY .. args.idempotency_id, 'body_hash', 'job_id', 'answer')
  if not first[1] then return nil end
  if first[1] ~= args.body_hash then return {'idempotency_mismatch'} end
  return {'ok', first[2], first[3], 'replay'}
end
